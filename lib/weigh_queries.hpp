// A group of queries against a panel of keys: what plain and causal entries have in common.
#pragma once

#include <functional>

#include "heavykeys/heavy_entries.hpp"
#include "lib/key_panel.hpp"
#include "lib/row_sums.hpp"

namespace heavykeys::detail {

/// A panel whose first `heavy` keys are (or contain) U of the rows behind `past`, and whose others are
/// further rows.
struct Weighted {
  const KeyPanel& panel;
  std::size_t heavy;
  const RowSums& past;
};

/// Entries of each query; query i sees panel rows 0 .. heavy + further(i) - 1. Throws InvalidInput for
/// NaN/Inf.
HeavyEntries weigh_queries(const Weighted& keys, const Rows& queries,
                           const std::function<std::size_t(std::size_t)>& further,
                           const HeavyOptions& options);

/// Throws InvalidInput unless the queries have this dim.
void check_shape(const Rows& queries, std::size_t dim);

/// Throws InvalidInput unless the queries have the dim of the spec, and the options and score can be served.
void check_queries(const Rows& queries, const Spec& spec, const HeavyOptions& options);

}  // namespace heavykeys::detail
