// The second pass (T8): keys are put on their grid block by block, as the sketch put them, and scanned.
#include "lib/verification.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "heavykeys/error.hpp"
#include "lib/block_gram.hpp"
#include "lib/dtype.hpp"
#include "lib/float_environment.hpp"
#include "lib/grid.hpp"
#include "lib/isa.hpp"
#include "lib/key_order.hpp"
#include "lib/row_store.hpp"
#include "lib/rule.hpp"
#include "lib/scan.hpp"
#include "lib/verification_queries.hpp"
#include "lib/weigh_queries.hpp"

namespace heavykeys {

namespace detail {

/// Queries that are scanned together.
struct VerificationRun {
  VerificationRun(const Spec& spec, const Rows& all, std::vector<std::size_t> chosen,
                  const ScanOptions& options)
      : queries(std::move(chosen)),
        rows(gather(all, queries)),
        key_count(options.key_count),
        scan(spec.score, spec.epsilon, rows.view(), options) {}

  static RowStore gather(const Rows& all, const std::vector<std::size_t>& chosen) {
    RowStore rows(all.dim);
    for (const std::size_t i : chosen) rows.append(all.slice(i, 1));
    return rows;
  }

  std::vector<std::size_t> queries;  // ascending
  RowStore rows;                     // theirs; never moved, the scan reads them
  std::uint64_t key_count;           // keys that the last of them sees
  Scan scan;
  std::optional<HeavyEntries> entries;  // once the scan is finished
};

struct VerificationState {
  VerificationState(const Spec& s, HeavyEntries f, std::uint64_t n)
      : spec(s), found(std::move(f)), key_count(n), waiting(s.dim) {}

  Spec spec;
  HeavyEntries found;
  std::uint64_t key_count;
  std::vector<std::size_t> undecided;  // queries, ascending
  std::deque<VerificationRun> runs;
  RowStore waiting;  // rows of the block that is not complete
  std::uint64_t absorbed = 0;
  std::vector<double> gridded;  // [block_rows, dim], of one block at a time
  bool finished = false;
};

struct VerificationAccess {
  static VerificationState& state(Verification& v) { return *v.state_; }
};

namespace {

void make_runs(VerificationState& state, const Rows& queries, const ScanOptions& options) {
  if (state.undecided.empty()) return;
  if (!options.causal) {
    state.runs.emplace_back(state.spec, queries, state.undecided, options);
    return;
  }
  for (const QueryRun& run : query_runs(state.undecided)) {
    std::vector<std::size_t> chosen(run.end - run.begin);
    for (std::size_t i = 0; i < chosen.size(); ++i) chosen[i] = run.begin + i;
    // The last of the run is the last query of its own scan, and sees all keys of it: at least one, or it
    // would have no entries.
    ScanOptions own = options;
    own.key_count = options.key_count + run.end - queries.count;
    state.runs.emplace_back(state.spec, queries, std::move(chosen), own);
  }
}

void put_on_grid(const Spec& spec, const Rows& block, std::vector<double>& gridded) {
  BlockGram grid(spec);
  grid.fit(block);
  gridded.resize(spec.block_rows * spec.dim);
  double* out = gridded.data();
  for (std::size_t first = 0; first < block.count; first += BlockGram::kPanelRows) {
    const std::size_t count = std::min(BlockGram::kPanelRows, block.count - first);
    const std::int32_t* q = grid.panel(first, count);
    for (std::size_t r = 0; r < count; ++r) {
      for (std::size_t c = 0; c < spec.dim; ++c) {
        *out++ = gridded_value(q[r * grid.width() + c], grid.exponents()[c], spec.grid_bits);
      }
    }
  }
}

/// A block that is complete, or the last. Scans that have some of it already, from a call that ran out of
/// memory, get the rest.
void pass_block(VerificationState& state, const Rows& block, const Workers& workers) {
  put_on_grid(state.spec, block, state.gridded);
  const Rows keys = rows(state.gridded.data(), block.count, state.spec.dim, block.first_id);
  for (VerificationRun& run : state.runs) {
    const std::uint64_t begin = run.scan.next_row();
    const std::uint64_t end = std::min(block.first_id + block.count, run.key_count);
    if (begin < end) absorb_with(run.scan, keys.slice(begin - block.first_id, end - begin), workers);
  }
  state.absorbed += block.count;
}

/// The rows that wait, once they are a whole block or the last.
void pass_waiting(VerificationState& state, const Workers& workers) {
  const std::size_t count = state.waiting.count();
  const bool last = state.absorbed + count == state.key_count;
  if (count == 0 || (count < state.spec.block_rows && !last)) return;
  RowStore none(state.waiting.dim());
  pass_block(state, state.waiting.view(state.absorbed), workers);
  std::swap(state.waiting, none);
}

void check_keys(const VerificationState& state, const Rows& keys) {
  const std::uint64_t next = state.absorbed + state.waiting.count();
  if (state.finished)
    throw InvalidInput("the entries of this verification were taken; it takes no more keys");
  check_next_keys({"a verification", state.spec.dim, next, state.key_count}, keys);
}

/// `found`, with the entries of the undecided queries taken from their scans.
HeavyEntries merged(VerificationState& state) {
  HeavyEntries out;
  out.indptr.push_back(0);
  std::size_t query = 0;
  auto undecided = state.undecided.begin();
  for (VerificationRun& run : state.runs) {
    if (!run.entries) run.entries = run.scan.finish();  // once, even if memory runs out below
    for (std::size_t i = 0; i < run.queries.size(); ++i) {
      if (run.queries[i] != *undecided) continue;  // between others of a causal run
      for (; query < *undecided; ++query) append(out, state.found, query);
      append(out, *run.entries, i);
      ++query;
      if (++undecided == state.undecided.end()) break;
    }
  }
  for (; query < state.found.query_count(); ++query) append(out, state.found, query);
  return out;
}

}  // namespace

void absorb_with(Verification& pass, const Rows& keys, const Workers& workers) {
  const FloatEnvironment ieee;
  VerificationState& state = VerificationAccess::state(pass);
  if (keys.count == 0) return;
  check_keys(state, keys);
  if (state.runs.empty()) {
    state.absorbed += keys.count;
    return;
  }
  current_isa();
  const std::size_t size = state.spec.block_rows;
  pass_waiting(state, workers);  // what an earlier call could not finish for want of memory
  for (std::size_t at = 0; at < keys.count;) {
    const std::size_t take = std::min(keys.count - at, size - state.waiting.count());
    const Rows part = keys.slice(at, take);
    at += take;
    if (take == size) {
      pass_block(state, part, workers);
    } else {
      state.waiting.append(part);
      pass_waiting(state, workers);
    }
  }
}

}  // namespace detail

Verification::Verification(const Spec& spec, HeavyEntries found, const Rows& queries,
                           const ScanOptions& options) {
  const detail::FloatEnvironment ieee;
  validate(spec);
  detail::check_queries(queries, spec, {});
  detail::require_finite(queries);
  if (options.key_count > std::uint64_t{1} << 62)
    throw InvalidInput(std::to_string(options.key_count) + " keys pass 2^62");
  detail::check_found(found, queries.count, options);
  state_ = std::make_unique<detail::VerificationState>(spec, std::move(found), options.key_count);
  if (detail::rule_for(spec).closed_form) return;
  state_->undecided = detail::undecided_queries(state_->found, spec.epsilon);
  detail::make_runs(*state_, queries, options);
}
Verification::Verification(Verification&&) noexcept = default;
Verification& Verification::operator=(Verification&&) noexcept = default;
Verification::~Verification() = default;

std::size_t Verification::undecided_count() const { return state_->undecided.size(); }
void Verification::absorb(const Rows& keys) { detail::absorb_with(*this, keys, detail::serial_workers()); }
std::uint64_t Verification::next_row() const { return state_->absorbed + state_->waiting.count(); }

HeavyEntries Verification::finish() {
  const detail::FloatEnvironment ieee;
  detail::VerificationState& s = *state_;
  if (s.finished) throw InvalidInput("the entries of this verification were taken before");
  if (needed() && next_row() != s.key_count) {
    throw InvalidInput("the verification has " + std::to_string(next_row()) + " of " +
                       std::to_string(s.key_count) + " keys");
  }
  detail::pass_waiting(s, detail::serial_workers());
  HeavyEntries all = needed() ? detail::merged(s) : std::move(s.found);
  s.runs.clear();
  s.finished = true;
  return all;
}

}  // namespace heavykeys
