// The scan: which rows complete a batch of blocks, and which wait, is the sketch's business too (AbsorbPlan);
// what batches do to the queries is ScanPass's.
#include "lib/scan.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "heavykeys/error.hpp"
#include "lib/float_environment.hpp"
#include "lib/isa.hpp"
#include "lib/key_order.hpp"
#include "lib/read_rows.hpp"
#include "lib/scan_state.hpp"
#include "lib/stage.hpp"
#include "lib/weigh_queries.hpp"

namespace heavykeys {

namespace detail {

namespace {

void check(const ScanState& state, const Rows& keys) {
  if (state.finished) throw InvalidInput("the entries of this scan were taken; it takes no more keys");
  check_place(
      {"a scan", state.pass.queries().dim, state.end(), state.announced() ? "announced" : "a scan can take"},
      keys);
  // Both checks of some rows while these are in the caches.
  constexpr std::size_t kElements = std::size_t{1} << 15;
  const std::size_t some = std::max<std::size_t>(1, kElements / keys.dim);
  for (std::size_t at = 0; at < keys.count; at += some) {
    const Rows part = keys.slice(at, std::min(some, keys.count - at));
    require_finite(part);
    state.pass.check_range(part);
  }
}

}  // namespace

void absorb_with(Scan& scan, const Rows& keys, const Workers& workers) {
  const FloatEnvironment ieee;
  ScanState& state = ScanAccess::state(scan);
  if (keys.count == 0) return;
  check(state, keys);
  current_isa();
  AbsorbPlan plan(state.coverage, state.fragments, state.batch_rows, keys, state.end());
  state.pass.begin();
  Stage stage("scan", plan.blocks().size());
  for (const Rows& batch : plan.blocks()) {
    state.pass.scan(batch, workers);
    stage.step();
  }
  plan.prepare();
  state.pass.commit();
  plan.commit();
}

void scan_waiting(ScanState& state, std::uint64_t key_count, const Workers& workers) {
  state.pass.begin();
  for (const auto& run : state.fragments) {
    const Range range = range_of(run);
    if (range.begin % KeyBlock::kRows != 0 || (range.end % KeyBlock::kRows != 0 && range.end != key_count)) {
      throw InvalidInput(to_string(run.first.stream, range) + " wait for others of their block");
    }
    state.pass.scan(run.second.view(range.begin, run.first.stream), workers);
  }
  state.pass.commit();
  state.fragments.clear();
}

}  // namespace detail

Scan::Scan(const Score& score, double epsilon, const Rows& queries, const ScanOptions& options) {
  const detail::FloatEnvironment ieee;
  detail::check_scan(epsilon, queries.dim);
  detail::check_tolerance(options.tolerance);
  if (options.key_count > detail::kMostRows)
    throw InvalidInput(std::to_string(options.key_count) + " keys pass 2^62");
  detail::check_shape(queries, queries.dim);
  detail::require_finite(queries);
  state_ = std::make_unique<detail::ScanState>(score, epsilon, queries, options);
}
Scan::Scan(Scan&&) noexcept = default;
Scan& Scan::operator=(Scan&&) noexcept = default;
Scan::~Scan() = default;

void Scan::absorb(const Rows& keys) { detail::absorb_with(*this, keys, detail::serial_workers()); }
std::uint64_t Scan::next_row() const { return state_->coverage.end_of(0); }
std::uint64_t Scan::row_count() const { return state_->coverage.row_count(); }

HeavyEntries Scan::finish() {
  const detail::FloatEnvironment ieee;
  detail::ScanState& s = *state_;
  if (s.finished) throw InvalidInput("the entries of this scan were taken before");
  const std::string gap = s.coverage.first_gap();
  if (s.announced() && row_count() != s.end()) {
    throw InvalidInput("the scan has " + std::to_string(row_count()) + " of " + std::to_string(s.end()) +
                       " keys" + (gap.empty() ? "" : ": " + gap + " never arrived"));
  }
  if (!gap.empty()) throw InvalidInput("keys were lost: " + gap + " never arrived");
  detail::scan_waiting(s, next_row(), detail::serial_workers());
  HeavyEntries all;
  all.indptr.push_back(0);
  for (std::size_t i = 0; i < s.pass.query_count(); ++i) {
    s.pass.list(i, all);
    all.indptr.push_back(static_cast<std::int64_t>(all.keys.size()));
  }
  s.pass.clear();
  s.finished = true;
  return all;
}

void merge(Scan& into, const Scan& from) {
  const detail::FloatEnvironment ieee;
  detail::ScanState& a = detail::ScanAccess::state(into);
  const detail::ScanState& b = detail::ScanAccess::state(from);
  if (a.finished || b.finished) {
    throw InvalidInput("the entries of one of these scans were taken; they do not merge");
  }
  a.pass.check_same(b.pass);
  detail::check_disjoint(a.coverage, b.coverage, " are in both scans");
  detail::current_isa();
  detail::Coverage coverage = a.coverage;
  detail::Fragments fragments = a.fragments;
  a.pass.begin();
  a.pass.merge(b.pass);
  detail::merge_rows(coverage, fragments, a.batch_rows, a.end(), b.coverage, b.fragments,
                     [&](const Rows& batch) { a.pass.scan(batch, detail::serial_workers()); });
  a.pass.commit();
  std::swap(a.coverage, coverage);
  std::swap(a.fragments, fragments);
}

}  // namespace heavykeys
