// Entries of scores whose weights are known as intervals (T8).
#pragma once

#include "lib/tail_sum.hpp"
#include "lib/weigh.hpp"

namespace heavykeys::detail {

/// Weighs keys 0 .. seen - 1 of the panel for one query: keys 0 .. heavy - 1 are U of the rows behind `tail`,
/// the others are further rows, all there are. x are the scaled dot products. Bounds of the weights are
/// appended where the mode asks for them. Cost: O(seen + D^2 + sample d).
void weigh_interval(const Plan& plan, const ScaledQuery& query, const KeyPanel& panel, std::size_t heavy,
                    std::size_t seen, const double* x, const TailSum& tail, const HeavyOptions& options,
                    HeavyEntries& out);

}  // namespace heavykeys::detail
