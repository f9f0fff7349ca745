// The oracle for scores other than x^2: keys lifted to their monomials, the onion, and the weights of
// polynomials of x^2, all in whole numbers.
#pragma once

#include <cstddef>
#include <vector>

#include "oracle.hpp"

namespace oracle {

/// Leverages of integer rows [n, D], of any rank: sup_y (y.r_j)^2 / sum_l (y.r_l)^2, and 0 for a zero row.
struct Leverages {
  std::size_t rank = 0;
  std::vector<Fraction> values;  // [n]
};
Leverages leverages(const std::vector<Int>& rows, std::size_t n, std::size_t dim);

/// Gridded keys as all their monomials of the given degrees, without multinomial factors: a factor scales a
/// column, which no leverage sees.
class Lifted {
 public:
  Lifted(const std::vector<double>& gridded, std::size_t n, std::size_t d, const std::vector<int>& degrees);

  std::size_t dim() const { return dim_; }  // D
  std::size_t rank() const { return all_.rank; }
  const Fraction& leverage(std::size_t j) const { return all_.values[j]; }

  /// {j : tau_j >= threshold}, ascending.
  std::vector<std::size_t> universal(const Fraction& threshold) const;

  /// Layer t = 1, 2, ... takes the rows whose leverage in what is left is >= thresholds[t - 1], and removes
  /// them. Returns the layer of each row, 0 for those left at the end.
  std::vector<int> onion(const std::vector<Fraction>& thresholds) const;

 private:
  std::size_t n_, dim_;
  std::vector<Int> rows_;  // [n, D]
  Leverages all_;
};

/// The products x_j = q.k_j, exactly: values[j] * 2^exponent.
struct Dots {
  std::vector<Int> values;
  int exponent = 0;

  /// x_j, relative error below 2^-62: long double has the range for every product of doubles.
  long double rounded(std::size_t j) const;
};
Dots dots(const std::vector<double>& gridded, std::size_t n, std::size_t d, const double* query);

/// {j < visible : f(x_j) >= epsilon * sum_{l < visible} f(x_l)} of f = sum_i c_i x^(2i); none when the sum is
/// 0.
Problem::Heavy heavy(const Dots& x, const std::vector<double>& coefficients, double epsilon,
                     std::size_t visible);

}  // namespace oracle
