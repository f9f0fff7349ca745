// Lewis weights: how much each row counts for |x|^p (docs/primitives.md; T7).
#pragma once

#include <cstddef>
#include <vector>

namespace heavykeys::detail {

/// The least exponent arrival_exponents gives.
inline constexpr int kLeastArrival = -500;

/// Weights for the rows of one block as they arrive, for p > 2: exponents a_l in [-500, 0], w_l = 4^a_l, such
/// that with M = M0 + sum_l w_l k_l k_l^T
///   w_l >= (k_l^T M^-1 k_l)^((p - 2) / 2)   for every row of the block,
/// and W = sum_l w_l^(p / (p - 2)) is near the least such a lattice of weights allows (Lewis weights have W
/// <= d; rounding to powers of 4 costs at most 4^(p / (p - 2)), about a quarter of that on average). Then at
/// most d W^((p - 2) / 2) / epsilon rows of the block can pass the test of T7.
///
/// Any weights at all make a valid M for T7; these are good ones. The inequality is computed in float64 with
/// a margin of 2^-20, which covers M of condition up to about 2^30 (columns scaled to unit diagonal); rows
/// that float64 cannot place in the span of the others get weight 1, with which it always holds. Rows of
/// zeros get the least weight. `rows` is [count, dim], finite; `metric` is M0, [dim, dim] row-major, or empty
/// for zero. Cost: some 10 passes of O(count dim^2 + dim^3). The same bits everywhere. Throws InvalidInput
/// unless p > 2.
std::vector<int> arrival_exponents(const double* rows, std::size_t count, std::size_t dim,
                                   const std::vector<double>& metric, double p);

}  // namespace heavykeys::detail
