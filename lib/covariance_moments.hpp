// From exact sums to central moments, each formed in 106 bits and rounded once.
#pragma once

#include <cstddef>
#include <vector>

#include "lib/covariance_state.hpp"

namespace heavykeys::detail {

/// Central moments of the samples of a state, which has some and outlives it.
class Moments {
 public:
  /// Throws InvalidInput when the state has no samples.
  explicit Moments(const CovarianceState& state);

  std::vector<double> means() const;
  /// The diagonal of the covariance.
  std::vector<double> variances() const;
  /// Column j of the covariance of samples and images: sum (x_i - mean_i)(z_j - mean z_j) / N for all i.
  /// Where the whole covariance is kept, images are the samples, and only i <= j is written.
  void column(std::size_t j, double* out) const;
  /// Of the means of the images of a sketch.
  double image_mean_square() const;

 private:
  std::vector<DoubleDouble> totals(const std::map<int, ElementSums>& groups,
                                   std::vector<Int128> ElementSums::*sums, int per_exponent) const;
  /// (products - a b / N) / N in units of 2^(2 base), as float64. Throws InvalidInput when it is not finite.
  double central(DoubleDouble products, DoubleDouble a, DoubleDouble b) const;
  DoubleDouble product_total(std::size_t i, std::size_t j) const;

  const CovarianceState& state_;
  double count_;
  int base_;  // sums are in units of 2^base, of the greatest sample: nothing overflows before the end
  std::vector<DoubleDouble> element_totals_, image_totals_;
};

}  // namespace heavykeys::detail
