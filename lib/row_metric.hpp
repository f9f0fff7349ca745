// x_l^T M^-1 x_l for all rows of a block at once, M = M0 + sum_l w_l x_l x_l^T, the weights changing: what
// the fixed points of Lewis weights are made of. Float64, for quality, not for certificates; the same bits
// everywhere.
#pragma once

#include <cstddef>
#include <vector>

#include "lib/aligned.hpp"

namespace heavykeys::detail {

/// Rows and columns are scaled by powers of two, so any finite magnitudes will do. M may be singular: a ridge
/// of a few roundings (in columns of unit diagonal) is added, enough for its factor to exist.
class RowMetric {
 public:
  /// `rows` is [count, dim]. `fixed` is M0, [dim, dim] positive semidefinite, or empty. All finite.
  RowMetric(const double* rows, std::size_t count, std::size_t dim, const std::vector<double>& fixed);

  /// forms[l] = x_l^T M^-1 x_l for these weights, each in [0, 1]. Cost: O(count dim^2 + dim^3).
  /// `unresolved`, if given, says of each row whether more than 1/1024 of its form comes from the ridge: the
  /// row leaves, as far as float64 can tell, the span of the others, and its true form may be much greater. A
  /// row of zeros is resolved, with form 0.
  void forms(const std::vector<double>& weights, std::vector<double>& forms,
             std::vector<bool>* unresolved = nullptr);

 private:
  void scale_rows(const double* rows);
  void gather(const std::vector<double>& weights);
  void factorize();
  bool eliminate();
  void invert();

  std::size_t count_, dim_, ld_;
  std::vector<int> column_scale_, row_scale_;  // scaled = x 2^(-column - row), at most 1; row <= 0
  std::vector<double> scaled_;                 // [count, dim]
  std::vector<double> fixed_;                  // M0 with scaled columns, [dim, dim], lower triangle
  std::vector<double> metric_;                 // M likewise
  std::vector<int> unit_;                      // diagonal of M times 2^(-2 unit) is in [1/4, 1)
  std::vector<double> lower_;                  // L of M in those units, with the ridge
  double ridge_ = 0.0;
  AlignedVector<double> adjoint_;  // [dim, ld]: L^-1
  AlignedVector<double> inverse_;  // [dim, ld]: its transpose, rows in the columns' own scale
};

}  // namespace heavykeys::detail
