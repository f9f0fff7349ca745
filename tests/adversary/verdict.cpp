#include "tests/adversary/verdict.hpp"

#include <algorithm>
#include <sstream>

#include "tests/laws/score_agreement.hpp"

namespace adversary {

long double true_ratio(const Instance& instance, const Finding& finding) {
  const oracle::Dots x = oracle::dots(instance.gridded, instance.n, instance.d, finding.query.data());
  const auto weights = agreement::true_weights(instance.shape.law, x, instance.n);
  return weights.empty() ? 0 : weights[instance.order[finding.peak.row]] / instance.epsilon;
}

Intervals check_intervals(const Instance& instance, const heavykeys::UniversalSet& set,
                          const std::vector<std::vector<double>>& queries) {
  support::Matrix q(queries.size(), instance.d);
  std::vector<std::vector<agreement::Real>> truth;
  std::vector<bool> in_range;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    std::copy(queries[i].begin(), queries[i].end(), q.row(i));
    const oracle::Dots x = oracle::dots(instance.gridded, instance.n, instance.d, q.row(i));
    truth.push_back(agreement::true_weights(instance.shape.law, x, instance.n));
    in_range.push_back(!instance.shape.law.is_custom() || agreement::within_custom_range(x));
  }
  Intervals result;
  for (const auto mode : {heavykeys::Mode::no_false_negatives, heavykeys::Mode::no_false_positives}) {
    const auto found = heavy_entries(set, heavykeys::rows(q.values.data(), q.rows, q.cols),
                                     heavykeys::HeavyOptions{mode, 0.0});
    if (const std::string wrong = agreement::shape(found, q.rows); !wrong.empty()) {
      ++result.violations;
      result.first = wrong;
      continue;
    }
    for (std::size_t i = 0; i < q.rows; ++i) {
      if (!in_range[i]) continue;
      const std::string wrong = agreement::intervals(found, i, truth[i], instance.epsilon, mode);
      result.violations += static_cast<std::size_t>(std::count(wrong.begin(), wrong.end(), '\n'));
      if (result.first.empty()) result.first = wrong.substr(0, wrong.find('\n'));
    }
    result.entries += found.keys.size();
    for (std::size_t e = 0; e < found.keys.size(); ++e) {
      if (found.lower[e] > 0) result.widest = std::max(result.widest, found.upper[e] / found.lower[e]);
    }
  }
  return result;
}

}  // namespace adversary
