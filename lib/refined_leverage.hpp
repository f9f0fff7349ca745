// Leverages to twice the working precision from a float64 factor: O(D^2) a row where a better factor costs
// D^3.
#pragma once

#include <vector>

#include "lib/certified_factor.hpp"

namespace heavykeys::detail {

/// For x near G^-1 k and r = k - G x, both known to about 100 bits (docs/theory.md, "Refined leverage"):
///   k^T G^-1 k = k.x + x.r + r^T G^-1 r,   0 <= r^T G^-1 r <= ||L^-1 r||^2 / (1 - theta).
/// Each correction of x by the factor multiplies r by about theta, and r enters squared.
class RefinedLeverage {
 public:
  /// `factor` is of `gram` with this scale and must be certified.
  RefinedLeverage(const ExactGram& gram, const std::vector<int>& scale,
                  const CertifiedFactor<double>& factor);

  /// tau of an equilibrated row, each coordinate of relative error at most `rounding`, as narrow as can be
  /// had.
  Interval operator()(const DoubleDouble* row, double rounding) const;

 private:
  /// r = row - G x on the factor's columns; error[i] bounds what rounding did to r[i].
  void residual(const DoubleDouble* row, double rounding, const std::vector<DoubleDouble>& x,
                std::vector<double>& r, std::vector<double>& error) const;

  const CertifiedFactor<double>& factor_;
  std::size_t dim_;
  std::vector<DoubleDouble> matrix_;  // [D, D]
};

}  // namespace heavykeys::detail
