// sum_l f(q.k_l) for a polynomial f of x^2, from the Gram matrix: with a bound on its error, exactly when
// that is needed (T1, T3).
#pragma once

#include <vector>

#include "lib/aligned.hpp"
#include "lib/dyadic.hpp"
#include "lib/exact_gram.hpp"
#include "lib/plan.hpp"

namespace heavykeys::detail {

/// A query in the coordinates of keys scaled by 2^(-s): scaled[i] = q_i 2^(s_i - shift), max about 1.
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

/// A polynomial sum_i c_i x^(2i), c_i >= 0, brought to the units of one query: for x = 2^shift y it is
/// 2^exponent * (*this)(y), with a greatest coefficient near one.
struct ScaledPolynomial {
  std::vector<double> coefficients;
  int exponent = 0;
  bool in_range = true;  ///< false: the terms are too far apart for float64

  ScaledPolynomial(const std::vector<double>& c, int shift);
  double operator()(double x) const;
  int degree() const { return static_cast<int>(coefficients.size()) - 1; }
};

/// c of the score as a polynomial in x^2. power 2s: x^(2s).
std::vector<double> polynomial_of(const Score& score);

/// Exponents s with |k_i 2^(-s_i)| <= 1 for every row k of K~ and sums of degree 2 top_degree at most 1.
std::vector<int> key_scale(const Plan& plan, const ExactGram& gram);

class Normalizer {
 public:
  /// `gram` of rows lifted by plan's lift; `scale` from key_scale of a Gram matrix >= this one.
  /// coefficients[i] of x^(2i): those not zero must be among the degrees of the lift.
  Normalizer(PlanPtr plan, const ExactGram& gram, std::vector<int> scale, std::vector<double> coefficients);

  /// sum_l f(q.k_l) in the units of `f` at q, in float64 and then double-double, the first whose relative
  /// error is at most `tolerance`; `needed` is a value the error is to be measured against as well.
  Bounded operator()(const ScaledQuery& q, const ScaledPolynomial& f, double needed) const;
  /// Of the raw query, in real units.
  Dyadic exact(const double* raw) const;

  const std::vector<int>& scale() const { return scale_; }
  const std::vector<double>& coefficients() const { return coefficients_; }

  static constexpr double kTolerance = 2e-11;

 private:
  PlanPtr plan_;
  ExactGram gram_;
  std::vector<int> scale_;
  std::vector<double> coefficients_;
  std::size_t ld_;                // columns of matrix_, padded
  double greatest_ = 1.0;         // bound of |matrix_|
  AlignedVector<double> matrix_;  // [D, ld] row-major: nearest doubles; zero between degrees
  AlignedVector<double> low_;     // [D, ld]: what the nearest doubles leave
};

}  // namespace heavykeys::detail
