#include "heavykeys/sketch.hpp"

#include <algorithm>
#include <new>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/absorb.hpp"
#include "lib/float_environment.hpp"
#include "lib/pruning.hpp"
#include "lib/sketch_state.hpp"
#include "lib/stage.hpp"

namespace heavykeys {

namespace detail {

namespace {

void maintain_now(SketchState& s) {
  const std::uint64_t rows = s.metric.rows(), step = s.plan->lift.is_trivial() ? 2 : 4;
  if (rows >= step * s.filter_tried_at && rows > 0) {
    s.filter_tried_at = rows;
    if (auto filter = build_filter(*s.plan, s.metric, s.candidates)) s.filter = std::move(filter);
  }
  const std::size_t limit = std::max(s.candidate_limit, Candidates::soft_limit(s.spec.dim));
  if (s.candidates.size() > limit) {
    prune(*s.plan, s.metric, s.candidates);
    s.candidate_limit = 2 * s.candidates.size();
  }
}

}  // namespace

void SketchState::maintain() {
  const Unwatched begun;
  try {
    maintain_now(*this);
  } catch (const std::bad_alloc&) {
    // The rows are in; pruning is put off to a call that has the memory for it.
  }
}

}  // namespace detail

Sketch::Sketch(const Spec& spec) {
  validate(spec);
  state_ = std::make_unique<detail::SketchState>(spec);
}
Sketch::Sketch(const Sketch& other) : state_(std::make_unique<detail::SketchState>(*other.state_)) {}
Sketch::Sketch(Sketch&&) noexcept = default;
Sketch& Sketch::operator=(const Sketch& other) {
  if (this != &other) state_ = std::make_unique<detail::SketchState>(*other.state_);
  return *this;
}
Sketch& Sketch::operator=(Sketch&&) noexcept = default;
Sketch::~Sketch() = default;

const Spec& Sketch::spec() const { return state_->spec; }
std::uint64_t Sketch::row_count() const { return state_->coverage.row_count(); }
std::uint64_t Sketch::next_row(std::uint64_t stream) const { return state_->coverage.end_of(stream); }

std::size_t Sketch::candidate_count() const {
  std::size_t waiting = 0;
  for (const auto& [first, run] : state_->fragments) waiting += run.count();
  return state_->candidates.size() + waiting;
}

std::size_t Sketch::memory_bytes() const {
  std::size_t bytes = sizeof(detail::SketchState) + state_->metric.memory_bytes() +
                      state_->candidates.ids.capacity() * sizeof(KeyId) +
                      state_->candidates.rows.memory_bytes() + state_->sample.memory_bytes();
  if (state_->filter) bytes += state_->filter->memory_bytes();
  for (const auto& [first, run] : state_->fragments) bytes += run.memory_bytes();
  for (const auto& [stream, ranges] : state_->coverage.streams())
    bytes += ranges.capacity() * sizeof(detail::Range);
  return bytes;
}

std::vector<RowRange> absorbed_rows(const Sketch& sketch) {
  std::vector<RowRange> rows;
  for (const auto& [stream, ranges] : detail::SketchAccess::state(sketch).coverage.streams()) {
    for (const detail::Range& range : ranges) rows.push_back({stream, range.begin, range.end});
  }
  return rows;
}

void merge(Sketch& into, const Sketch& from) {
  const detail::FloatEnvironment ieee;
  const detail::SketchState& b = detail::SketchAccess::state(from);
  if (into.spec() != b.spec) {
    throw Incompatible("sketches of different specs do not merge: " + to_string(into.spec()) + " and " +
                       to_string(b.spec));
  }
  detail::check_disjoint(detail::SketchAccess::state(into).coverage, b.coverage, " are in both sketches");
  Sketch merged = into;
  detail::SketchState& a = detail::SketchAccess::state(merged);
  a.metric.add(b.metric);
  a.candidates.append(b.candidates);
  a.sample.reserve(b.sample);
  a.sample.merge(b.sample);
  a.coverage.add(detail::complete_rows(b.coverage, b.fragments));
  if (b.filter && (!a.filter || a.filter->rows() < b.filter->rows())) a.filter = b.filter;
  detail::Stage stage("merge", b.fragments.size());
  for (const auto& [first, run] : b.fragments) {
    detail::absorb_with(merged, run.view(first.row, first.stream), detail::serial_workers());
    stage.step();
  }
  a.maintain();
  into = std::move(merged);
}

}  // namespace heavykeys
