// Causal heavy entries, block after block (T6): when block b completes, the queries that end inside it see
// the candidates of everything before it and the block's own rows up to theirs.
#include "lib/causal.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/absorb.hpp"
#include "lib/float_environment.hpp"
#include "lib/grid.hpp"
#include "lib/heavy_entries.hpp"
#include "lib/isa.hpp"
#include "lib/key_order.hpp"
#include "lib/onion.hpp"
#include "lib/read_rows.hpp"
#include "lib/shared_tasks.hpp"
#include "lib/stage.hpp"
#include "lib/weigh_queries.hpp"

namespace heavykeys {

namespace detail {

struct CausalState {
  CausalState(const Sketch& before, std::uint64_t last, const Rows& q, std::uint64_t n, const HeavyOptions& o)
      : sketch(before),
        queries(q),
        key_count(n),
        options(o),
        begin(before.next_row()),
        end(last),
        waiting(before.spec().dim),
        absorbed(begin) {}

  Sketch sketch;
  Rows queries;
  std::uint64_t key_count;
  HeavyOptions options;
  std::uint64_t begin, end;  // rows of this part of the pass
  RowStore waiting;          // rows of the block that is not complete
  std::uint64_t absorbed;    // rows before it
  std::vector<HeavyEntries> parts;
  bool finished = false;

  /// Number of keys query i sees: i + 1 + n - m, if positive.
  std::int64_t visible(std::size_t i) const {
    return static_cast<std::int64_t>(i) + 1 + static_cast<std::int64_t>(key_count) -
           static_cast<std::int64_t>(queries.count);
  }
};

struct CausalAccess {
  static CausalState& state(CausalHeavy& p) { return *p.state_; }
};

namespace {

constexpr std::size_t kQueriesPerTask = 16;

/// One block with everything its queries need: U of everything before it, and its own rows.
struct CausalBlock {
  CausalBlock(const SketchState& before, const Rows& block);

  std::size_t earlier = 0;  // panel rows before this one are of earlier blocks
  std::optional<RowSums> past;
  std::optional<KeyPanel> panel;
};

/// Scale for the rows before and those of a block with these exponents.
std::vector<int> common_scale(const SketchState& before, const std::vector<int>& exponents) {
  const Metric& metric = before.metric;
  std::vector<int> scale = key_scale(*before.plan, metric);
  const ExactGram& gram = metric.plain ? *metric.plain : metric.gram;
  for (std::size_t i = 0; i < scale.size(); ++i) {
    if (exponents[i] == kZeroColumn) continue;
    const bool new_column = gram.is_empty_column(before.plan->lift.top_power(i));
    scale[i] = new_column ? exponents[i] : std::max(scale[i], exponents[i]);
  }
  return scale;
}

CausalBlock::CausalBlock(const SketchState& before, const Rows& block) {
  const Plan& plan = *before.plan;
  BlockGram own(before.spec);
  own.fit(block);
  const std::vector<int> scale = common_scale(before, own.exponents());

  // With a closed form, candidates that are not heavy do no harm; bounds of the rest must not depend on them.
  Candidates candidates = before.candidates.sorted();
  const Effort effort = plan.rule.closed_form ? Effort::loose : Effort::thorough;
  const Peeled peeled = peel(plan, before.metric, candidates.rows, effort);
  candidates.keep(peeled.kept);
  earlier = candidates.size();
  past.emplace(before.plan, before.metric, peeled, candidates, before.sample, scale);
  panel.emplace(before.spec.dim, earlier + block.count);
  append(*panel, candidates, scale);
  std::vector<double> row(before.spec.dim);
  for (std::size_t first = 0; first < block.count; first += BlockGram::kPanelRows) {
    const std::size_t count = std::min(BlockGram::kPanelRows, block.count - first);
    const std::int32_t* q = own.panel(first, count);
    for (std::size_t r = 0; r < count; ++r) {
      for (std::size_t c = 0; c < before.spec.dim; ++c) {
        row[c] = gridded_value(q[r * own.width() + c], own.exponents()[c], before.spec.grid_bits);
      }
      panel->append({block.stream, block.first_id + first + r}, row.data(), scale);
    }
  }
}

/// A block that is complete, or the last.
void pass_block(CausalState& state, const Rows& block, const Workers& workers) {
  // Queries whose last key lies in this block: visible in (start, start + count].
  const std::int64_t m = static_cast<std::int64_t>(state.queries.count);
  const std::int64_t offset = m - static_cast<std::int64_t>(state.key_count) - 1;  // query = visible + offset
  const std::int64_t start = static_cast<std::int64_t>(block.first_id);
  const std::int64_t first = std::clamp<std::int64_t>(start + 1 + offset, 0, m);
  const std::int64_t last =
      std::clamp<std::int64_t>(start + static_cast<std::int64_t>(block.count) + 1 + offset, 0, m);
  std::vector<HeavyEntries> parts;
  if (first < last) {
    const CausalBlock causal(SketchAccess::state(state.sketch), block);
    const Weighted keys{*causal.panel, causal.earlier, *causal.past};
    const auto total = static_cast<std::size_t>(last - first);
    parts.resize((total + kQueriesPerTask - 1) / kQueriesPerTask);
    share_tasks("causal", workers, parts.size(), [&](int, std::size_t task) {
      const std::size_t begin = task * kQueriesPerTask;
      const std::size_t query = static_cast<std::size_t>(first) + begin;
      parts[task] = weigh_queries(
          keys, state.queries.slice(query, std::min(kQueriesPerTask, total - begin)),
          [&](std::size_t i) { return static_cast<std::size_t>(state.visible(query + i) - start); },
          state.options);
    });
  }
  HeavyEntries entries = concatenate(parts);
  state.parts.reserve(state.parts.size() + 1);
  absorb_with(state.sketch, block, workers);
  state.parts.push_back(std::move(entries));
}

/// The rows that wait, once they are a whole block or the last.
void pass_waiting(CausalState& state, const Workers& workers) {
  const std::size_t count = state.waiting.count();
  const bool last = state.absorbed + count == state.end;
  if (count == 0 || (count < state.sketch.spec().block_rows && !last)) return;
  RowStore none(state.waiting.dim());
  pass_block(state, state.waiting.view(state.absorbed), workers);
  state.absorbed += count;
  std::swap(state.waiting, none);
}

/// A part begins and ends between blocks, whose rows share a grid, or with the last key.
void check_part(const Sketch& before, std::uint64_t end, std::uint64_t key_count) {
  const std::uint64_t begin = before.next_row(), size = before.spec().block_rows;
  if (before.row_count() != begin || (begin % size != 0 && begin != key_count)) {
    throw InvalidInput("a causal pass goes on from rows 0 .. " + std::to_string(size) +
                       " k - 1 of stream 0, not from a sketch of " + std::to_string(before.row_count()) +
                       " rows, row " + std::to_string(begin) + " of stream 0 being next");
  }
  if (end < begin || end > key_count || (end % size != 0 && end != key_count)) {
    throw InvalidInput("a part of a causal pass over " + std::to_string(key_count) + " keys from row " +
                       std::to_string(begin) + " on cannot end at row " + std::to_string(end) +
                       ": only at a multiple of block_rows, or with the last key");
  }
}

}  // namespace

void absorb_with(CausalHeavy& pass, const Rows& keys, const Workers& workers) {
  const FloatEnvironment ieee;
  CausalState& state = CausalAccess::state(pass);
  const std::uint64_t next = state.absorbed + state.waiting.count();
  if (keys.count == 0) return;
  check_next_keys({"a causal pass", state.sketch.spec().dim, state.end}, next, keys);
  current_isa();
  const std::size_t size = state.sketch.spec().block_rows;
  Stage stage("causal", keys.count / size + 2);
  pass_waiting(state, workers);  // what an earlier call could not finish for want of memory
  for (std::size_t at = 0; at < keys.count;) {
    const std::size_t take = std::min(keys.count - at, size - state.waiting.count());
    const Rows part = keys.slice(at, take);
    at += take;
    if (take == size) {
      pass_block(state, part, workers);
      state.absorbed += size;
      stage.step();
    } else {
      state.waiting.append(part);
      pass_waiting(state, workers);
    }
  }
}

}  // namespace detail

CausalHeavy::CausalHeavy(const Spec& spec, const Rows& queries, std::uint64_t key_count,
                         const HeavyOptions& options)
    : CausalHeavy(Sketch(spec), key_count, queries, key_count, options) {}

CausalHeavy::CausalHeavy(const Sketch& before, std::uint64_t end_row, const Rows& queries,
                         std::uint64_t key_count, const HeavyOptions& options) {
  const Spec& spec = before.spec();
  detail::check_queries(queries, spec, options);
  detail::require_finite(queries);
  if (key_count > std::uint64_t{1} << 62) throw InvalidInput(std::to_string(key_count) + " keys pass 2^62");
  detail::check_part(before, end_row, key_count);
  state_ = std::make_unique<detail::CausalState>(before, end_row, queries, key_count, options);
}
CausalHeavy::CausalHeavy(CausalHeavy&&) noexcept = default;
CausalHeavy& CausalHeavy::operator=(CausalHeavy&&) noexcept = default;
CausalHeavy::~CausalHeavy() = default;

void CausalHeavy::absorb(const Rows& keys) { detail::absorb_with(*this, keys, detail::serial_workers()); }
std::uint64_t CausalHeavy::next_row() const { return state_->absorbed + state_->waiting.count(); }
const Sketch& CausalHeavy::sketch() const { return state_->sketch; }

HeavyEntries CausalHeavy::finish() {
  const detail::FloatEnvironment ieee;
  detail::CausalState& s = *state_;
  if (s.finished) throw InvalidInput("the entries of this causal pass were taken before");
  if (next_row() != s.end) {
    throw InvalidInput("the causal pass has " + std::to_string(next_row() - s.begin) + " of " +
                       std::to_string(s.end - s.begin) + " keys");
  }
  detail::pass_waiting(s, detail::serial_workers());
  // Queries before the first that sees a key come first, without entries.
  HeavyEntries blind;
  const std::uint64_t none = s.queries.count - std::min<std::uint64_t>(s.queries.count, s.key_count);
  const bool first = s.begin == 0 && (s.end > 0 || s.key_count == 0);
  blind.indptr.assign(1 + (first ? none : 0), 0);
  s.parts.insert(s.parts.begin(), std::move(blind));
  HeavyEntries all;
  try {
    all = detail::concatenate(s.parts);
  } catch (...) {
    s.parts.erase(s.parts.begin());  // as before: finish can be asked again
    throw;
  }
  std::vector<HeavyEntries>().swap(s.parts);
  s.finished = true;
  return all;
}

}  // namespace heavykeys
