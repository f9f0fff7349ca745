#include "lib/row_sums.hpp"

#include <utility>

namespace heavykeys::detail {

RowSums::RowSums(PlanPtr p, const Metric& metric, const Peeled& peeled, const Candidates& kept,
                 const RowSample& sample, std::vector<int> s)
    : plan(std::move(p)), scale(std::move(s)) {
  if (plan->rule.closed_form) {
    closed.emplace(plan, metric.gram, scale, polynomial_of(plan->spec.score));
  } else {
    tail.emplace(plan, metric, peeled, kept, scale, sample);
  }
}

std::vector<int> key_scale(const Plan& plan, const Metric& metric) {
  return key_scale(plan, metric.plain ? *metric.plain : metric.gram);
}

void append(KeyPanel& panel, const Candidates& keys, const std::vector<int>& scale) {
  std::vector<double> row(panel.dim);
  for (std::size_t u = 0; u < keys.size(); ++u) {
    keys.rows.read(u, row.data());
    panel.append(keys.ids[u], row.data(), scale);
  }
}

}  // namespace heavykeys::detail
