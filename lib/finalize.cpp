#include <cmath>

#include "heavykeys/error.hpp"
#include "heavykeys/universal_set.hpp"
#include "lib/block_batch.hpp"
#include "lib/float_environment.hpp"
#include "lib/isa.hpp"
#include "lib/onion.hpp"
#include "lib/sketch_state.hpp"
#include "lib/stage.hpp"
#include "lib/universal_set_access.hpp"

namespace heavykeys {

namespace {

/// T1, T3, T4: leverages sum to the rank. T5: in each layer. T7: at most d weighted leverages, each of which
/// is at least threshold^(p/2) for a member.
double size_bound(const detail::Plan& plan, double threshold, std::size_t rank) {
  const double r = static_cast<double>(rank);
  if (rank == 0) return 0.0;
  if (plan.rule.weighted) return r / std::pow(threshold, plan.spec.score.parameter / 2.0) * (1.0 + 1e-9);
  const double bound =
      plan.rule.layers > 1 ? r * detail::layers_bound(plan.spec.epsilon) * (1.0 + 0x1p-30) : r / threshold;
  return plan.lift.is_trivial() ? bound : bound * (1.0 + 0x1p-40);  // decided to a part in 2^41
}

}  // namespace

std::span<const double> UniversalSet::keys() const& {
  return panel_ ? std::span<const double>(panel_->raw) : std::span<const double>();
}

UniversalSet finalize(const Sketch& sketch) {
  const detail::FloatEnvironment ieee;
  using detail::UniversalSetAccess;
  detail::Stage stage("finalize", 1);
  const detail::SketchState& state = detail::SketchAccess::state(sketch);
  const detail::Plan& plan = *state.plan;
  if (const std::string gap = state.coverage.first_gap(); !gap.empty()) {
    throw InvalidInput("rows were lost: " + gap + " never arrived");
  }
  detail::current_isa();
  // Without gaps, waiting rows are the last, short block of their stream.
  detail::BlockBatch last(state.plan, state.filter, &state.metric, state.sample.fresh());
  for (const auto& [first, run] : state.fragments) last.add(run.view(first.row, first.stream));
  detail::Metric metric = state.metric;
  metric.add(last.metric);
  detail::Candidates all = state.candidates;
  all.append(last.candidates);
  all = all.sorted();
  detail::RowSample sample = state.sample;
  sample.reserve(last.sample);
  sample.merge(last.sample);
  detail::Peeled peeled = detail::peel(plan, metric, all.rows, detail::Effort::thorough);
  all.keep(peeled.kept);

  UniversalSet set;
  UniversalSetAccess::spec(set) = state.spec;
  UniversalSetAccess::row_count(set) = state.coverage.row_count();
  UniversalSetAccess::rank(set) = peeled.rank;
  UniversalSetAccess::size_bound(set) = size_bound(plan, metric.threshold(plan), peeled.rank);
  UniversalSetAccess::ids(set) = all.ids;
  auto sums = std::make_shared<const detail::RowSums>(state.plan, metric, peeled, all, sample,
                                                      detail::key_scale(plan, metric));
  auto panel = std::make_shared<detail::KeyPanel>(state.spec.dim, all.size());
  detail::append(*panel, all, sums->scale);
  if (sums->closed) panel->add_integers();
  UniversalSetAccess::leverage(set) = std::move(peeled.tau);
  UniversalSetAccess::layer(set) = std::move(peeled.layer);
  UniversalSetAccess::panel(set) = std::move(panel);
  UniversalSetAccess::sums(set) = std::move(sums);
  return set;
}

}  // namespace heavykeys
