// Letting rows go while streaming: what a sketch and a worker's batch do alike.
#pragma once

#include <memory>

#include "lib/candidates.hpp"
#include "lib/metric.hpp"
#include "lib/prune_filter.hpp"

namespace heavykeys::detail {

/// Drops what loose arithmetic proves light; `metric` must contain every row of `candidates`.
void prune(const Plan& plan, const Metric& metric, Candidates& candidates);

/// A filter from these rows, or null.
std::shared_ptr<const PruneFilter> build_filter(const Plan& plan, const Metric& metric,
                                                const Candidates& candidates);

}  // namespace heavykeys::detail
