// Confidence intervals for the mean of a finite population from a uniform sample without replacement.
#pragma once

#include <cstdint>
#include <span>

namespace heavykeys::detail {

/// lower <= upper.
struct MeanInterval {
  double lower = 0.0;
  double upper = 0.0;
};

/// Of N numbers in [0, B], `values` are m that were drawn uniformly without replacement. Then
///   P[ lower <= mean of the N <= upper ] >= 1 - delta,   upper - lower <= B,
/// and lower == upper, the mean to a relative 2^-50, when m == N. Whatever the numbers are, not in a limit:
/// the intersection of three intervals (docs/primitives.md), of which the first is certain and the others
/// miss with probability delta / 2 each:
///   what the sample leaves open           [S / N, (S + (N - m) B) / N],  S the sum of `values`;
///   relative entropy (Hoeffding 1963)     m KL(mean / B, mu / B) <= log(4 / delta), or its complement's;
///   empirical Bernstein-Serfling (Bardenet and Maillard 2015, Theorem 4.3)
///       |mean - mu| <= sd sqrt(2 rho log(20 / delta) / m) + (7/3 + 3/sqrt(2)) B log(20 / delta) / m.
/// Cost: O(m). The same bits everywhere. m = 0 gives [0, B].
/// Throws InvalidInput when m > N, delta is not in (0, 1), B is negative or not finite, or a value is outside
/// [0, B].
MeanInterval mean_interval(std::span<const double> values, std::uint64_t population, double greatest,
                           double delta);

}  // namespace heavykeys::detail
