#include "tools/route.hpp"

#include "lib/rule.hpp"

namespace heavykeys::tools {

Route route_of(const Spec& spec) {
  const detail::Rule rule = detail::rule_for(spec);
  const bool square = rule.closed_form && !rule.is_lifted() && rule.threshold == spec.epsilon;
  const char* name = rule.layers > 1 ? "onion" : rule.weighted ? "lewis" : square ? "exact" : "lift";
  return {name, rule.is_lifted(), detail::lifted_dim(spec.dim, rule.degrees), rule.closed_form};
}

std::string to_string(const Route& route) {
  return route.name + ", " + std::to_string(route.coordinates) + " coordinates";
}

}  // namespace heavykeys::tools
