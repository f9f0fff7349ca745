// Sampling rows by leverage: a few of the keys, rescaled, that stand for all of them in every direction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "heavykeys/rows.hpp"

namespace heavykeys {
#pragma GCC visibility push(default)

/// Rows drawn and their factors: row i of S K is scales[i] times the row ids[i] of K.
struct RowSampling {
  std::vector<KeyId> ids;      ///< [m], in the order of the keys
  std::vector<double> scales;  ///< [m], 1 / sqrt(p_j), p_j the probability with which the row was drawn

  friend bool operator==(const RowSampling&, const RowSampling&) = default;
};

/// Draws each row on its own, with probability p_j = min(1, c leverage[j]), c = oversampling_needed(rank,
/// distortion, failure); then (S K)^T (S K) has the mean K^T K, and if leverage[j] >= tau_j for all j,
///   P[ (1 - distortion) |K x|^2 <= |S K x|^2 <= (1 + distortion) |K x|^2 for all x ] >= 1 - failure.
/// The expected number of rows is at most c sum_j leverage[j]: c d for exact scores. Approximations within 1
/// +- a are to be divided by 1 - a first. Source: matrix Chernoff bound, Tropp, Found. Comput. Math. 12
/// (2012), Theorem 1.1 (docs/primitives.md). The draw of a row is a function of (seed, stream, row id), its
/// leverage and c alone: not of order or threads. Shapes: keys [n, d], leverage [n], each finite and >= 0.
/// rank is taken as min(n, d, ceil(sum leverage)). Cost: O(n). Throws InvalidInput for other shapes or
/// values, or distortion or failure outside (0, 1).
RowSampling sample_by_leverage(const Rows& keys, std::span<const double> leverage, double distortion,
                               double failure, std::uint64_t seed);

/// The same with c = sample_size / sum_j leverage[j]: at most so many rows are expected.
RowSampling sample_by_leverage(const Rows& keys, std::span<const double> leverage, std::size_t sample_size,
                               std::uint64_t seed);

/// c = ln(2 rank / failure) / ((1 + distortion) ln(1 + distortion) - distortion).
/// Throws InvalidInput unless distortion and failure lie in (0, 1).
double oversampling_needed(std::size_t rank, double distortion, double failure);

/// S K: [m, d] row-major. Throws InvalidInput when an id is not of these keys.
std::vector<double> apply(const RowSampling& sampling, const Rows& keys);

#pragma GCC visibility pop

}  // namespace heavykeys
