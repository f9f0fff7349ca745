// The little linear algebra that the search needs, in float64: symmetric solves that shrug at singular
// matrices.
#pragma once

#include <cstddef>
#include <vector>

namespace adversary {

/// a [d, d] = sum_l weight_l k_l k_l^T over rows [n, d]; no weights: all 1.
std::vector<double> weighted_gram(const double* rows, const double* weights, std::size_t n, std::size_t d);

/// Cholesky factor of a symmetric matrix whose rows and columns are first scaled to a unit diagonal. A pivot
/// below 1e-13 is one that rounding made: its column is left out, so solve() is an inverse on the rest.
class Factor {
 public:
  Factor(std::vector<double> a, std::size_t d);

  /// x with A x = b, where A is regular.
  std::vector<double> solve(const double* b) const;
  /// b^T A^-1 b.
  double quadratic(const double* b) const;
  /// The least of the pivots, which are at most 1: below 1e-8 a leverage has few digits left.
  double least_pivot() const { return least_pivot_; }

 private:
  std::vector<double> forward(const double* b) const;

  std::size_t d_;
  std::vector<double> l_, scale_;
  double least_pivot_ = 1;
};

/// out[j] = q . column j, of keys by columns [d, n].
void products(const double* columns, const double* q, std::size_t n, std::size_t d, double* out);

}  // namespace adversary
