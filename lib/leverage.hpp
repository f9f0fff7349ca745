// The one place that decides tau_j >= threshold. Every backend's bytes rest on it.
#pragma once

#include <cstddef>
#include <vector>

#include "lib/exact_gram.hpp"
#include "lib/lifted_rows.hpp"

namespace heavykeys::detail {

struct Leverages {
  std::vector<std::size_t> kept;  ///< indices into the rows with tau >= threshold, ascending
  std::vector<double> tau;        ///< [kept], relative error <= 1e-10; of lifted rows as float64 gives it
  std::size_t rank = 0;           ///< rank of G: exact, or see likely_column_basis (thorough only)
};

/// thorough: every decision final. loose: rows that quick arithmetic cannot tell from the threshold are kept;
/// enough for pruning.
enum class Effort { loose, thorough };

/// Leverages of `rows`, each of which must be among the rows behind `gram` (then it lies in its row space).
///
/// Climbs from float64 to double-double to exact arithmetic, each only for what is still open. Thorough
/// decisions are exact: plain rows are kept when tau >= t, lifted rows when tau >= t (1 - 2^-41), where ties
/// do not crowd. Exact decisions are monotone: a row that one state does not keep is kept by none with more
/// rows, whether the state was stored in between or not. A loose decision drops a lifted row only below t (1
/// - 2^-40).
/// `tau_bits`: no row has a leverage above 2^tau_bits.
Leverages decide_leverages(const ExactGram& gram, const LiftedRows& rows, double threshold, Effort effort,
                           int tau_bits = 0);

}  // namespace heavykeys::detail
