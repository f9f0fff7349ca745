// What a Sketch holds, for the code that may look inside.
#pragma once

#include <memory>

#include "heavykeys/sketch.hpp"
#include "lib/absorb_plan.hpp"
#include "lib/candidates.hpp"
#include "lib/metric.hpp"
#include "lib/prune_filter.hpp"
#include "lib/row_sample.hpp"
#include "lib/siblings.hpp"

namespace heavykeys::detail {

struct HEAVYKEYS_SIBLINGS SketchState {
  explicit SketchState(const Spec& s)
      : spec(s),
        plan(std::make_shared<const Plan>(s)),
        metric(*plan),
        candidates(s.dim),
        sample(s.dim, plan->sample_capacity(), s.seed) {}

  Spec spec;
  PlanPtr plan;           // a function of spec
  Metric metric;          // of complete blocks
  Candidates candidates;  // of complete blocks; a superset of the universal set
  RowSample sample;       // of complete blocks
  Coverage coverage;
  Fragments fragments;

  // Not part of the value: how pruning goes on. Any filter from rows of this sketch is valid.
  std::shared_ptr<const PruneFilter> filter;
  std::uint64_t filter_tried_at = 0;
  std::size_t candidate_limit = 0;

  std::uint64_t block_of(std::uint64_t row) const { return row / spec.block_rows; }
  Range fragment_range(const Fragments::value_type& f) const { return range_of(f); }
  /// Prunes and renews the filter when due. Changes no canonical byte.
  void maintain();
};

struct SketchAccess {
  static SketchState& state(Sketch& s) { return *s.state_; }
  static const SketchState& state(const Sketch& s) { return *s.state_; }
};

}  // namespace heavykeys::detail
