// Lewis weights: leverage scores for |x|^p.
#pragma once

#include <cstddef>
#include <vector>

#include "heavykeys/rows.hpp"

namespace heavykeys {
#pragma GCC visibility push(default)

/// Lewis weights of the rows of a matrix, and how good they are.
struct LewisWeights {
  std::vector<double> weights;  ///< [n]
  std::size_t rank = 0;         ///< exact rank of the gridded keys
  /// max_j | ln( (k_j^T M^-1 k_j)^(p/2) / w_j ) | with M made of these very weights: how far they are from
  /// the fixed point, measured, not predicted. Weights below 2^-960 are left out: they underflow.
  double residual = 0.0;
  int iterations = 0;  ///< of the fixed point that were made
};

/// The weights w_j of the rows of keys [n, d] with
///   w_j = (k_j^T M^-1 k_j)^(p/2),   M = sum_l w_l^(1 - 2/p) k_l k_l^T,
/// that is, w_j is the leverage of row j of W^(1/2 - 1/p) K (Cohen and Peng, STOC 2015). They exist, are
/// unique, and sum to rank(K); for p = 2 they are the leverage scores; rows of zeros have 0.
///
/// Guarantee, of the weights as returned (r = residual), for every query q with K q != 0:
///   |q.k_j|^p / sum_l |q.k_l|^p <= e^r w_j (sum_l w_l)^(p/2 - 1)   for p >= 2,
///                               <= e^(2 r / p) w_j                 for p <= 2.
/// For p < 4, |ln(w_j / w*_j)| <= r / (1 - |1 - p/2|), w* the exact weights.
/// Iterates until residual <= tolerance, or 1000 times: look at `residual`. Each step takes the distance from
/// w* times at most 1 - p/2 for p < 2 (Cohen and Peng's map) and about 1 - 2/p for p > 2 (a damped map, which
/// ascends a concave function: docs/primitives.md). Arithmetic: float64 on gridded keys (leverage.hpp) in
/// coordinates in which K has orthonormal columns; the residual counts the ridge that keeps M's factor in
/// existence, but not the rounding of the coordinates. Cost: O(n d^2 + d^3) an iteration, O(n d) memory. The
/// same bits everywhere. Throws InvalidInput unless 1/4 <= p <= 64 and 1e-9 <= tolerance < 1; for NaN/Inf,
/// naming row and column; and for keys too near dependent for double-double (condition past about 1e13).
LewisWeights lewis_weights(const Rows& keys, double p, double tolerance = 1e-6);

#pragma GCC visibility pop

}  // namespace heavykeys
