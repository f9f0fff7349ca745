// From a Gram matrix and candidates to the universal set: one leverage test, or the layers of T5.
#pragma once

#include <vector>

#include "lib/leverage.hpp"
#include "lib/metric.hpp"

namespace heavykeys::detail {

struct Peeled {
  std::vector<std::size_t> kept;  ///< indices into the rows, ascending: the universal set
  std::vector<double> tau;        ///< [kept] leverage in the layer
  std::vector<int> layer;         ///< [kept] from 1
  std::size_t rank = 0;           ///< of all rows
  /// What the last leverage test was made against: every row not kept has a leverage below last_threshold
  /// there. (Not with weights, T7: a row may have been dropped by a threshold that was higher then.)
  ExactGram tested;
  double last_threshold = 0.0;
};

/// Peels `rows`, which must contain every row of U among those behind `metric`. A layer is what has leverage
/// >= threshold in what the layers above left (T5); rules of one layer are T1 to T4 and T7.
/// Cost: O(layers (D^3 + rows D^2)), layers at most min(T, rows).
Peeled peel(const Plan& plan, const Metric& metric, const RowStore& rows, Effort effort);

/// gram without these rows, each of which was added to it; exact.
void remove_rows(ExactGram& gram, const Lift& lift, const RowStore& rows,
                 const std::vector<std::size_t>& which);

}  // namespace heavykeys::detail
