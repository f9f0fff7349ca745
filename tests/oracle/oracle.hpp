// The oracle: what the definitions say, in exact arithmetic, and nothing else. Slow, short, and with no
// line in common with lib/. The tests of the library are comparisons with this; its own tests are by hand.
#pragma once

#include <cstddef>
#include <vector>

#include "exact.hpp"

namespace oracle {

/// The grid of DESIGN section 3. `keys` is one stream [n, d] row-major, rows 0 .. n-1.
/// In each block of `block_rows` rows (the last may be short) and each column: e is the least integer with
/// max|k| < 2^e, q = round_half_even(k 2^(P-e)), and the result is q 2^(e-P).
/// Where that is no finite double (e = 1024 and |q| = 2^P), |q| is 2^P - 1 instead.
std::vector<double> grid(const std::vector<double>& keys, std::size_t n, std::size_t d,
                         std::size_t block_rows, int grid_bits);

/// Keys after the grid, every question answered exactly.
class Problem {
 public:
  /// `gridded` [n, d] row-major, finite; several streams are simply one after the other.
  Problem(const std::vector<double>& gridded, std::size_t n, std::size_t d);

  std::size_t rank() const { return basis_.size(); }

  /// tau_j = sup_y (y.k_j)^2 / sum_l (y.k_l)^2, and 0 for a zero row.
  const Fraction& leverage(std::size_t j) const { return leverage_[j]; }

  /// {j : tau_j >= epsilon}, ascending.
  std::vector<std::size_t> universal(double epsilon) const;

  struct Heavy {
    std::vector<std::size_t> keys;  // ascending
    std::vector<Fraction> weights;
  };

  /// {j < visible : (q.k_j)^2 >= epsilon * sum_{l < visible} (q.k_l)^2}; none when the sum is 0.
  Heavy heavy(const double* query, double epsilon, std::size_t visible) const;
  Heavy heavy(const double* query, double epsilon) const { return heavy(query, epsilon, n_); }

  /// About (K^T K)^+ k_j: the query, rounded to doubles, that gives row j (nearly) the weight tau_j.
  std::vector<double> best_query(std::size_t j) const;

  /// A query with K q = 0, exact where its smallest whole multiple fits doubles, else only nearly. Empty when
  /// rank == d.
  std::vector<double> null_query() const;

 private:
  std::vector<double> rounded(std::vector<Int> scaled) const;

  std::size_t n_, d_;
  std::vector<int> scale_;          // [d]: column c is an integer column times 2^scale_[c]
  std::vector<Int> rows_;           // [n, d]: those integers. Leverage does not depend on column scales.
  std::vector<Int> gram_;           // [d, d] = rows_^T rows_
  std::vector<std::size_t> basis_;  // B: columns that span the column space
  std::vector<Int> adjugate_;       // [r, r]: (G_BB)^-1 = adjugate_ / determinant_
  Int determinant_ = 1;
  std::vector<Fraction> leverage_;  // [n]
};

/// Columns that span the column space of a positive semidefinite integer matrix [d, d].
std::vector<std::size_t> column_basis(std::vector<Int> gram, std::size_t d);

/// A nonsingular integer matrix a [r, r] with nonzero leading minors becomes its adjugate; returns det a.
Int invert(std::vector<Int>& a, std::size_t r);

}  // namespace oracle
