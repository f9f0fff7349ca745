// Leverage scores of all rows of keys in memory: exact, or approximate at the cost of a projection.
#pragma once

#include <cstdint>
#include <vector>

#include "heavykeys/rows.hpp"

namespace heavykeys {
#pragma GCC visibility push(default)

/// tau_j = k_j^T (K^T K)^+ k_j of every row of keys [n, d], d <= 4096, in their order: relative error <=
/// 1e-10 (one unit, if subnormal), whatever the rank or condition of K; rows of zeros have 0; sum_j tau_j =
/// rank(K).
///
/// About the gridded keys (Spec::grid_bits, blocks of 4096 row ids): equal rows of a universal set made with
/// the same grid have the same leverage, to that error. Cost: O(n d^2), and O(d^3) in double-double
/// arithmetic; more for K too near dependent for it (condition past about 1e13), which exact arithmetic
/// decides. Memory: the keys again, and O(d^2). Throws InvalidInput for d or grid_bits out of range, or
/// NaN/Inf, naming row and column.
std::vector<double> leverage_scores(const Rows& keys, int grid_bits = 24);

/// Approximations from a Gaussian projection of L^-1, K^T K = L L^T (Spielman and Srivastava, SIAM J. Comput.
/// 40, 2011; Drineas et al., JMLR 13, 2012), with r = rows_needed(gaussian, distortion, failure / n)
/// coordinates (projection.hpp):
///   P[ (1 - distortion) tau_j <= result_j <= (1 + distortion) tau_j for all n rows at once ] >= 1 - failure,
/// over the seed. Where r >= d nothing is to be gained, and the result is leverage_scores(keys).
/// Cost: O(n d r) in place of O(n d^2), beside the Gram matrix of the gridded keys (integer arithmetic, much
/// faster) and its factor. The same bits everywhere.
/// Throws InvalidInput as above, and unless distortion and failure lie in (0, 1).
std::vector<double> approximate_leverage_scores(const Rows& keys, double distortion, double failure,
                                                std::uint64_t seed, int grid_bits = 24);

#pragma GCC visibility pop

}  // namespace heavykeys
