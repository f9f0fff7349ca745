// Score matrices of attention heads, as samples for eigen analysis (eigen_analysis.hpp).
#pragma once

#include <cstddef>
#include <vector>

#include "heavykeys/rows.hpp"

namespace heavykeys {
#pragma GCC visibility push(default)

/// What the rows of a score matrix are divided by.
enum class Normalisation {
  none,    ///< x_ij = scale q_i.k_j: before softmax, which is what varies in few directions and what
           ///< reconstruction estimates (arXiv 2106.08823)
  softmax  ///< e^{x_ij} / sum_l e^{x_il}: attention weights
};

/// Which scores a score matrix holds.
struct ScoreMatrixOptions {
  double scale = 0.0;                                 ///< 0: 1 / sqrt(d), softmax attention's own
  Normalisation normalisation = Normalisation::none;  ///< of rows
  bool causal = false;  ///< softmax: query i sees the keys up to m - n + i only, the weights of others are 0.
                        ///< Without softmax scores are all computed, seen or not: no effect
};

/// [m, n] row-major: the scores of m queries [m, d] for n keys [n, d], in float64. Products are summed in
/// column order, one rounding for each multiply and each add: the same bits on every instruction set. Cost:
/// O(m n d). Throws InvalidInput for another number of columns, NaN/Inf (naming row and column), causal with
/// more queries than keys, or a score that overflows.
std::vector<double> score_matrix(const Rows& queries, const Rows& keys,
                                 const ScoreMatrixOptions& options = {});

#pragma GCC visibility pop

}  // namespace heavykeys
