// The second pass (T8): keys are put on their grid block by block, as the sketch put them, and scanned.
#include "lib/verification.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "heavykeys/error.hpp"
#include "lib/block_gram.hpp"
#include "lib/float_environment.hpp"
#include "lib/grid.hpp"
#include "lib/isa.hpp"
#include "lib/key_order.hpp"
#include "lib/read_rows.hpp"
#include "lib/rule.hpp"
#include "lib/stage.hpp"
#include "lib/verification_queries.hpp"
#include "lib/verification_state.hpp"
#include "lib/weigh_queries.hpp"

namespace heavykeys {

namespace detail {

namespace {

RowStore gather(const Rows& all, const std::vector<std::size_t>& chosen) {
  RowStore rows(all.dim);
  for (const std::size_t i : chosen) rows.append(all.slice(i, 1));
  return rows;
}

std::uint64_t batch_rows_of(const Spec& spec) {
  const std::uint64_t whole = std::max<std::uint64_t>(spec.block_rows, KeyBlock::kRows);  // powers of two
  return (scan_batch_rows(spec.dim) + whole - 1) / whole * whole;
}

void make_runs(VerificationState& state, const Rows& queries) {
  if (state.undecided.empty()) return;
  if (!state.options.causal) {
    state.runs.emplace_back(state.spec, queries, state.undecided, state.options);
    return;
  }
  for (const QueryRun& run : query_runs(state.undecided)) {
    std::vector<std::size_t> chosen(run.end - run.begin);
    for (std::size_t i = 0; i < chosen.size(); ++i) chosen[i] = run.begin + i;
    // The last of the run is the last query of its own scan, and sees all keys of it: at least one, or it
    // would have no entries.
    ScanOptions own = state.options;
    own.key_count = state.options.key_count + run.end - queries.count;
    state.runs.emplace_back(state.spec, queries, std::move(chosen), own);
  }
}

/// Appends the gridded rows of one grid block.
double* put_on_grid(const Spec& spec, const Rows& block, double* out) {
  BlockGram grid(spec);
  grid.fit(block);
  for (std::size_t first = 0; first < block.count; first += BlockGram::kPanelRows) {
    const std::size_t count = std::min(BlockGram::kPanelRows, block.count - first);
    const std::int32_t* q = grid.panel(first, count);
    for (std::size_t r = 0; r < count; ++r) {
      for (std::size_t c = 0; c < spec.dim; ++c) {
        *out++ = gridded_value(q[r * grid.width() + c], grid.exponents()[c], spec.grid_bits);
      }
    }
  }
  return out;
}

/// Rows of whole grid blocks, or the last.
void pass_batch(VerificationState& state, const Rows& batch, const Workers& workers) {
  if (state.runs.empty()) return;
  state.gridded.resize(batch.count * state.spec.dim);
  double* out = state.gridded.data();
  for (std::size_t at = 0; at < batch.count; at += state.spec.block_rows) {
    out = put_on_grid(state.spec, batch.slice(at, std::min(state.spec.block_rows, batch.count - at)), out);
  }
  const Rows keys = rows(state.gridded.data(), batch.count, state.spec.dim, batch.first_id);
  const std::size_t step = scan_batch_rows(state.spec.dim);
  for (VerificationRun& run : state.runs) {
    const std::uint64_t seen = run.pass.options().key_count;
    const std::size_t count =
        seen < keys.first_id ? 0 : std::min<std::uint64_t>(keys.count, seen - keys.first_id);
    for (std::size_t at = 0; at < count; at += step) {
      run.pass.scan(keys.slice(at, std::min(step, count - at)), workers);
    }
  }
}

void check(const VerificationState& state, const Rows& keys) {
  if (state.finished)
    throw InvalidInput("the entries of this verification were taken; it takes no more keys");
  check_keys({"a verification", state.spec.dim, state.end()}, keys);
  for (const VerificationRun& run : state.runs) run.pass.check_range(keys);
}

/// `found`, with the entries of the undecided queries taken from their passes.
HeavyEntries merged(VerificationState& state) {
  HeavyEntries out;
  out.indptr.push_back(0);
  std::size_t query = 0;
  auto undecided = state.undecided.begin();
  for (VerificationRun& run : state.runs) {
    for (std::size_t i = 0; i < run.queries.size(); ++i) {
      if (run.queries[i] != *undecided) continue;  // between others of a causal run
      for (; query < *undecided; ++query) append(out, state.found, query);
      run.pass.list(i, out);
      out.indptr.push_back(static_cast<std::int64_t>(out.keys.size()));
      ++query;
      if (++undecided == state.undecided.end()) break;
    }
  }
  for (; query < state.found.query_count(); ++query) append(out, state.found, query);
  return out;
}

void check_same(const VerificationState& a, const VerificationState& b) {
  if (a.finished || b.finished) {
    throw InvalidInput("the entries of one of these verifications were taken; they do not merge");
  }
  if (a.spec != b.spec) {
    throw Incompatible("verifications of different specs: " + to_string(a.spec) + " and " +
                       to_string(b.spec));
  }
  if (a.options != b.options) throw Incompatible("verifications with different options");
  if (a.found != b.found) throw Incompatible("verifications of different entries");
  for (std::size_t r = 0; r < a.runs.size(); ++r) a.runs[r].pass.check_same(b.runs[r].pass);
  check_disjoint(a.coverage, b.coverage, " are in both verifications");
}

}  // namespace

VerificationRun::VerificationRun(const Spec& spec, const Rows& all, std::vector<std::size_t> chosen,
                                 const ScanOptions& options)
    : queries(std::move(chosen)),
      rows(gather(all, queries)),
      pass(spec.score, spec.epsilon, rows.view(), options) {}

VerificationState::VerificationState(const Spec& s, HeavyEntries f, const ScanOptions& o)
    : spec(s), found(std::move(f)), options(o), batch_rows(batch_rows_of(s)) {
  options.tolerance = ScanOptions().tolerance;
}

void absorb_with(Verification& pass, const Rows& keys, const Workers& workers) {
  const FloatEnvironment ieee;
  VerificationState& state = VerificationAccess::state(pass);
  if (keys.count == 0) return;
  check(state, keys);
  current_isa();
  AbsorbPlan plan(state.coverage, state.fragments, state.batch_rows, keys, state.end());
  for (VerificationRun& run : state.runs) run.pass.begin();
  Stage stage("verification", plan.blocks().size());
  for (const Rows& batch : plan.blocks()) {
    pass_batch(state, batch, workers);
    stage.step();
  }
  plan.prepare();
  for (VerificationRun& run : state.runs) run.pass.commit();
  plan.commit();
}

}  // namespace detail

Verification::Verification(const Spec& spec, HeavyEntries found, const Rows& queries,
                           const ScanOptions& options) {
  const detail::FloatEnvironment ieee;
  validate(spec);
  detail::check_queries(queries, spec, {});
  detail::require_finite(queries);
  if (options.key_count > detail::kMostRows)
    throw InvalidInput(std::to_string(options.key_count) + " keys pass 2^62");
  detail::check_found(found, queries.count, options);
  state_ = std::make_unique<detail::VerificationState>(spec, std::move(found), options);
  if (detail::rule_for(spec).closed_form) return;
  state_->undecided = detail::undecided_queries(state_->found, spec.epsilon);
  if (needed()) detail::check_scan(spec.epsilon, spec.dim);
  detail::make_runs(*state_, queries);
}
Verification::Verification(Verification&&) noexcept = default;
Verification& Verification::operator=(Verification&&) noexcept = default;
Verification::~Verification() = default;

std::size_t Verification::undecided_count() const { return state_->undecided.size(); }
void Verification::absorb(const Rows& keys) { detail::absorb_with(*this, keys, detail::serial_workers()); }
std::uint64_t Verification::next_row() const { return state_->coverage.end_of(0); }
std::uint64_t Verification::row_count() const { return state_->coverage.row_count(); }

HeavyEntries Verification::finish() {
  const detail::FloatEnvironment ieee;
  detail::VerificationState& s = *state_;
  if (s.finished) throw InvalidInput("the entries of this verification were taken before");
  if (needed() && row_count() != s.end()) {
    const std::string gap = s.coverage.first_gap();
    throw InvalidInput("the verification has " + std::to_string(row_count()) + " of " +
                       std::to_string(s.end()) + " keys" +
                       (gap.empty() ? "" : ": " + gap + " never arrived"));
  }
  HeavyEntries all = needed() ? detail::merged(s) : std::move(s.found);
  s.runs.clear();
  s.finished = true;
  return all;
}

void merge(Verification& into, const Verification& from) {
  const detail::FloatEnvironment ieee;
  detail::VerificationState& a = detail::VerificationAccess::state(into);
  const detail::VerificationState& b = detail::VerificationAccess::state(from);
  detail::check_same(a, b);
  detail::current_isa();
  detail::Coverage coverage = a.coverage;
  detail::Fragments fragments = a.fragments;
  for (std::size_t r = 0; r < a.runs.size(); ++r) {
    a.runs[r].pass.begin();
    a.runs[r].pass.merge(b.runs[r].pass);
  }
  detail::merge_rows(coverage, fragments, a.batch_rows, a.end(), b.coverage, b.fragments,
                     [&](const Rows& batch) { detail::pass_batch(a, batch, detail::serial_workers()); });
  for (detail::VerificationRun& run : a.runs) run.pass.commit();
  std::swap(a.coverage, coverage);
  std::swap(a.fragments, fragments);
}

}  // namespace heavykeys
