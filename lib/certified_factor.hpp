// Cholesky factors that know their own error: leverages as intervals (docs/theory.md, "Certified leverage").
#pragma once

#include <cstddef>
#include <vector>

#include "lib/double_double.hpp"
#include "lib/exact_gram.hpp"

namespace heavykeys::detail {

/// lower <= true value <= upper.
struct Interval {
  double value = 0.0;
  double lower = 0.0;
  double upper = 0.0;
};

/// Relative rounding error of one operation.
template <class Real>
inline constexpr double kUnitRoundoff = 0x1p-53;
template <>
inline constexpr double kUnitRoundoff<DoubleDouble> = 0x1p-100;

/// L L^T = P^T (G restricted to `columns`, equilibrated) P + E with a proven bound on E.
///
/// Errors are bounded entry by entry (Higham, Accuracy and Stability, Theorems 8.5 and 10.3), so that badly
/// scaled columns cost nothing. With u the unit roundoff, d columns, gamma = (d + 5) u and beta >= || |L^-1|
/// |L| ||_2:
///   |E| <= gamma |L| |L^T|, so theta = gamma beta^2 >= || L^-1 E L^-T ||, and for theta < 1
///   (1 - theta) L L^T <= G <= (1 + theta) L L^T in the Loewner order: G is certified nonsingular there, and
///   ||L^-1 k||^2 / (1 + theta) <= tau(k) <= ||L^-1 k||^2 / (1 - theta).
template <class Real>
class CertifiedFactor {
 public:
  CertifiedFactor(const ExactGram& gram, const std::vector<int>& scale,
                  const std::vector<std::size_t>& columns);

  /// False: G may be singular as far as this precision can tell.
  bool certified() const { return certified_; }
  double theta() const { return theta_; }
  /// Columns of K in the order they were eliminated (greatest remaining diagonal first).
  const std::vector<std::size_t>& order() const { return order_; }

  /// tau of `count` equilibrated rows, each of all D coordinates, whose relative error is at most `rounding`.
  /// Needs certified(). Cost: O(r^2) a row.
  void leverages(const Real* rows, std::size_t count, std::size_t dim, double rounding, Interval* out) const;

  /// x with G x = row as well as Real can, zero outside the columns; both [dim]. Needs certified().
  void solve(const double* row, std::size_t dim, double* x) const;
  /// Upper bound of r^T G^-1 r for an equilibrated vector r of all D coordinates, each known to within its
  /// `error`.
  double bound(const double* r, const double* error, std::size_t dim) const;

  /// L^-1 as computed, [d, d] row-major lower triangle in `order`, rounded to double.
  std::vector<double> inverse() const;
  /// || computed L^-1 k - true L^-1 k || <= inverse_error() * ||k||.
  double inverse_error() const { return inverse_error_; }

 private:
  void forward(const Real* row, Real* w) const;
  Interval interval(double value, double slack) const;
  bool factorize(const ExactGram& gram, const std::vector<int>& scale);
  void certify();
  double product_norm() const;  // >= || |computed L^-1| |L| ||_2

  std::vector<std::size_t> order_;
  std::vector<Real> lower_;    // [d, d] row-major
  std::vector<Real> inverse_;  // [d, d] row-major
  bool certified_ = false;
  double theta_ = 0.0;
  double solve_error_ = 0.0;  // mu: relative error of ||L^-1 k|| by forward substitution
  double inverse_error_ = 0.0;
  double inverse_norm_ = 0.0;  // upper bound of ||L^-1||
};

extern template class CertifiedFactor<double>;
extern template class CertifiedFactor<DoubleDouble>;

}  // namespace heavykeys::detail
