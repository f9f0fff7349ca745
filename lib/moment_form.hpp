// sum_l w_l f(x.y_l) as a function of x, for f a polynomial of x^2, from the moments of the rows y (T1, T3):
// float64, for attention; weights that are certified come from Normalizer.
#pragma once

#include <cstddef>
#include <vector>

#include "lib/aligned.hpp"
#include "lib/lift.hpp"

namespace heavykeys::detail {

class MomentForm {
 public:
  /// f = sum_i coefficients[i] x^(2i).
  MomentForm(std::size_t dim, const std::vector<double>& coefficients);

  /// Adds rows [count, dim] with weights [count]. Cost: O(count D^2).
  void add(const double* rows, const double* weights, std::size_t count);

  /// values[r] = the sum at row r of x [count, dim]; gradients [count, dim], unless null, its gradient there.
  void evaluate(const double* x, std::size_t count, double* values, double* gradients) const;

  /// Whether rounding can have cost `value` at row x (all weights >= 0) more than a part in 10^9: where x is
  /// nearly orthogonal to all that is large in the rows, large terms cancel. True of NaN, too.
  bool is_doubtful(const double* x, double value) const;

  /// f and f' for one product: what a row adds on its own.
  double term(double x) const;
  double slope(double x) const;

 private:
  struct Moment {  // of one degree
    double coefficient;
    Lift lift;
    std::size_t ld;
    AlignedVector<double> matrix;  // [D, ld]: sum_l w_l y_l^a y_l^b
    double norms = 0.0;            // sum_l |w_l| |y_l|^2s: no term passes |x|^2s times it (Cauchy)
  };

  /// Monomials of rows [count, dim] times their multiplicities, [count, ld].
  static AlignedVector<double> lifted(const Moment& m, const double* rows, std::size_t count);

  std::size_t dim_;
  std::vector<double> coefficients_;
  double total_weight_ = 0.0;
  std::vector<Moment> moments_;
};

}  // namespace heavykeys::detail
