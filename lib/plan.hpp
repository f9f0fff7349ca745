// What a Spec comes to, worked out once and shared by everything made for it.
#pragma once

#include <memory>

#include "lib/lift.hpp"
#include "lib/rule.hpp"

namespace heavykeys::detail {

struct Plan {
  explicit Plan(const Spec& s) : spec(s), rule(rule_for(s)), lift(s.dim, rule.degrees) {}

  Spec spec;
  Rule rule;
  Lift lift;

  /// P of the Gram matrix: lifted integers are products of `top_degree` gridded ones.
  int gram_bits() const { return spec.grid_bits * lift.top_degree(); }
  /// Rows sampled for estimates: none where weights are exact.
  std::size_t sample_capacity() const { return rule.closed_form ? 0 : spec.sample_rows; }
};

using PlanPtr = std::shared_ptr<const Plan>;

}  // namespace heavykeys::detail
