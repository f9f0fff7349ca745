// The one place that decides tau_j >= epsilon. Every backend's bytes rest on it.
#pragma once

#include <cstddef>
#include <vector>

#include "lib/exact_gram.hpp"
#include "lib/row_store.hpp"

namespace heavykeys::detail {

struct Leverages {
  std::vector<std::size_t> kept;  ///< indices into the store with tau >= epsilon, ascending
  std::vector<double> tau;        ///< [kept], relative error <= 1e-10
  std::size_t rank = 0;           ///< exact rank of G (thorough only)
};

/// thorough: every decision exact. loose: rows float arithmetic cannot tell from epsilon are kept; enough for
/// pruning.
enum class Effort { loose, thorough };

/// Leverages of `rows`, each of which must be a row of the K~ behind `gram` (then it lies in its row
/// space). Climbs from float64 to double-double to exact arithmetic, each only for what is still open.
Leverages decide_leverages(const ExactGram& gram, const RowStore& rows, double epsilon, Effort effort);

}  // namespace heavykeys::detail
