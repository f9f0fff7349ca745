#include "lib/pruning.hpp"

#include "lib/onion.hpp"

namespace heavykeys::detail {

void prune(const Plan& plan, const Metric& metric, Candidates& candidates) {
  candidates.keep(peel(plan, metric, candidates.rows, Effort::loose).kept);
}

std::shared_ptr<const PruneFilter> build_filter(const Plan& plan, const Metric& metric,
                                                const Candidates& candidates) {
  const double threshold = metric.threshold(plan);
  if (plan.rule.layers == 1) return PruneFilter::build(metric.gram, plan.lift, threshold, metric.rows());
  const Peeled peeled = peel(plan, metric, candidates.rows, Effort::loose);
  return PruneFilter::build(peeled.tested, plan.lift, threshold, metric.rows());
}

}  // namespace heavykeys::detail
