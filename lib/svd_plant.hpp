// The construction of arXiv 2106.03764: factors of the logit matrix, projected at random (docs/theory.md,
// T10).
#pragma once

#include <cstddef>
#include <vector>

#include "heavykeys/sparse_pattern.hpp"

namespace heavykeys::detail {

/// B = left right^T, B the logits: T + ln(M_ij / max_l M_il) on the support, 0 off it. With the singular
/// value decomposition B = U S V^T, left = U S^(1/2) and right = V S^(1/2): every row has at most the length
/// |B|^(1/2).
struct LogitFactors {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t rank = 0;       ///< singular values above max(L, L') 2^-52 times the greatest
  std::vector<double> left;   ///< [L, rank]
  std::vector<double> right;  ///< [L', rank]
};

/// Cost: O(L L' min(L, L')).
LogitFactors factorised(const SparsePattern& pattern, double logit);

/// Fills queries and keys for planted.options.dim: projected where it is below the rank, else exact, padded
/// with zeros.
void plant_by_svd(const LogitFactors& factors, Planted& planted);

}  // namespace heavykeys::detail
