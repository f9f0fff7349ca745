// sum_l (q.k_l)^2 = q^T G q for any query, with a bound on its error, exactly when that is needed (T1).
#pragma once

#include <vector>

#include "lib/aligned.hpp"
#include "lib/dyadic.hpp"
#include "lib/exact_gram.hpp"

namespace heavykeys::detail {

/// A query in the coordinates of an equilibrated Gram matrix: scaled[i] = q_i 2^(s_i - shift), max about 1.
struct ScaledQuery {
  const double* raw = nullptr;
  const double* scaled = nullptr;
  int shift = 0;
  double norm1 = 0.0, norm2 = 0.0;  // upper bounds of the norms of `scaled`
  bool zero = true;

  /// Scales `raw` into `out` (both of length s.size()).
  static ScaledQuery make(const double* raw, const std::vector<int>& s, double* out);
};

/// |value - true| <= error.
struct Bounded {
  double value = 0.0;
  double error = 0.0;
};

struct Normalizer {
  /// `scale` must equilibrate a Gram matrix >= this one, so that |matrix| <= 1.
  Normalizer(ExactGram gram, std::vector<int> scale);

  /// q^T G q in scaled units (times 2^(-2 shift)), in float64 and then double-double, the first whose
  /// relative error is at most `tolerance`; `needed` is a value the error is to be measured against as well.
  Bounded operator()(const ScaledQuery& q, double needed) const;
  /// q^T G q of the raw query.
  Dyadic exact(const double* raw) const;

  static constexpr double kTolerance = 2e-11;

  ExactGram gram;
  std::vector<int> scale;
  std::size_t ld;                // columns of `matrix`, padded
  AlignedVector<double> matrix;  // [d, ld] row-major: nearest doubles
  AlignedVector<double> low;     // [d, ld]: what the nearest doubles leave
};

}  // namespace heavykeys::detail
