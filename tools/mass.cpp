#include "tools/mass.hpp"

#include <algorithm>
#include <memory>

#include "lib/universal_set_access.hpp"
#include "tools/route.hpp"

namespace heavykeys::tools {
namespace {

constexpr double kNothing = 1e-15;
constexpr std::size_t kLeastQueries = 16;

/// The same set, asked for the weight of every key in it and not only of the heavy ones.
UniversalSet with_light_entries(const UniversalSet& set) {
  const detail::RowSums& sums = detail::UniversalSetAccess::sums(set);
  const auto plan = std::make_shared<detail::Plan>(*sums.plan);
  plan->spec.epsilon = kNothing;
  const auto changed = std::make_shared<detail::RowSums>(sums);
  changed->plan = plan;
  UniversalSet all = set;
  detail::UniversalSetAccess::sums(all) = changed;
  return all;
}

}  // namespace

std::optional<SetMass> mass_on_set(const UniversalSet& set, const Rows& queries, std::size_t most_work) {
  const Route route = route_of(set.spec());
  if (!route.exact_weights || queries.count == 0) return std::nullopt;
  const std::size_t work = set.size() * queries.dim + route.coordinates * route.coordinates + 1;
  const std::size_t asked = std::min(queries.count, std::max(kLeastQueries, most_work / work));
  const UniversalSet all = with_light_entries(set);
  SetMass mass;
  for (std::size_t i = 0; i < asked; ++i) {
    const std::size_t query = i * queries.count / asked;
    const HeavyEntries weights = heavy_entries(all, queries.slice(query, 1));
    double sum = 0.0;
    for (const double weight : weights.weights) sum += weight;
    mass.queries.push_back(query);
    mass.shares.push_back(std::min(sum, 1.0));
  }
  return mass;
}

}  // namespace heavykeys::tools
