// Causal heavy entries, block after block (T6): when block b completes, the queries that end inside it see
// the candidates of everything before it and the block's own rows up to theirs.
#include "lib/causal.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/absorb.hpp"
#include "lib/dtype.hpp"
#include "lib/float_environment.hpp"
#include "lib/grid.hpp"
#include "lib/heavy_entries.hpp"
#include "lib/isa.hpp"
#include "lib/kernels.hpp"
#include "lib/leverage.hpp"
#include "lib/scaled_gram.hpp"
#include "lib/shared_tasks.hpp"
#include "lib/weigh.hpp"

namespace heavykeys {

namespace detail {

struct CausalState {
  CausalState(const Spec& spec, const Rows& q, std::uint64_t n)
      : sketch(spec), queries(q), key_count(n), waiting(spec.dim) {}

  Sketch sketch;
  Rows queries;
  std::uint64_t key_count;
  RowStore waiting;  // rows of the block that is not complete
  std::uint64_t absorbed = 0;
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

/// One block with everything its queries need.
class CausalBlock {
 public:
  CausalBlock(const SketchState& before, const Rows& block, double epsilon);

  /// Entries of queries that see rows up to and including one of this block.
  HeavyEntries entries(const CausalState& state, std::size_t first_query, std::size_t count) const;

 private:
  Bounded prefix_normalizer(const ScaledQuery& q, const double* x, std::size_t seen) const;
  Dyadic exact_normalizer(const double* raw, std::size_t seen) const;

  double epsilon_;
  std::uint64_t start_;
  std::size_t earlier_ = 0;  // panel rows before this one are candidates of earlier blocks
  std::unique_ptr<Normalizer> before_;
  std::unique_ptr<KeyPanel> panel_;
};

CausalBlock::CausalBlock(const SketchState& before, const Rows& block, double epsilon)
    : epsilon_(epsilon), start_(block.first_id) {
  BlockGram own(before.spec);
  own.compute(block);
  ExactGram after = before.gram;
  after.add_block(own.exponents(), own.sums(), own.width(), block.count);
  const std::vector<int> scale = equilibration(after);

  Candidates candidates = before.candidates.sorted();
  candidates.keep(decide_leverages(before.gram, candidates.rows, epsilon, Effort::loose).kept);
  earlier_ = candidates.size();
  panel_ = std::make_unique<KeyPanel>(before.spec.dim, earlier_ + block.count);
  std::vector<double> row(before.spec.dim);
  for (std::size_t u = 0; u < earlier_; ++u) {
    candidates.rows.read(u, row.data());
    panel_->append(candidates.ids[u], row.data(), scale);
  }
  for (std::size_t first = 0; first < block.count; first += BlockGram::kPanelRows) {
    const std::size_t count = std::min(BlockGram::kPanelRows, block.count - first);
    const std::int32_t* q = own.panel(first, count);
    for (std::size_t r = 0; r < count; ++r) {
      for (std::size_t c = 0; c < before.spec.dim; ++c) {
        row[c] = gridded_value(q[r * own.width() + c], own.exponents()[c], before.spec.grid_bits);
      }
      panel_->append({block.stream, block.first_id + first + r}, row.data(), scale);
    }
  }
  before_ = std::make_unique<Normalizer>(before.gram, scale);
}

Bounded CausalBlock::prefix_normalizer(const ScaledQuery& q, const double* x, std::size_t seen) const {
  // q^T G q of the blocks before, and the squares of this block's dot products one by one.
  double sum = 0.0, error = 0.0;
  const double gamma = dot_error(panel_->dim) * q.norm2;
  for (std::size_t u = earlier_; u < earlier_ + seen; ++u) {
    const double e = gamma * panel_->norm[u];
    sum += x[u] * x[u];
    error += (2.0 * std::fabs(x[u]) + e) * e;
  }
  const Bounded past = (*before_)(q, sum);
  const double value = past.value + sum;
  return {value, (past.error + error) * (1.0 + 1e-9) +
                     (static_cast<double>(seen) + 4) * 0x1p-53 * sum * (1.0 + 1e-9) +
                     std::fabs(value) * 0x1p-52};
}

Dyadic CausalBlock::exact_normalizer(const double* raw, std::size_t seen) const {
  Dyadic total = before_->exact(raw);
  for (std::size_t u = earlier_; u < earlier_ + seen; ++u) {
    const Dyadic x = panel_->exact_dot(raw, u);
    total = total + x * x;
  }
  return total;
}

HeavyEntries CausalBlock::entries(const CausalState& state, std::size_t first_query,
                                  std::size_t count) const {
  const Rows queries = state.queries.slice(first_query, count);
  const std::size_t d = queries.dim;
  std::vector<double> raw(count * d), scaled(count * d), x(count * panel_->ld);
  std::vector<ScaledQuery> prepared;
  for (std::size_t i = 0; i < count; ++i) {
    read_row(queries, i, raw.data() + i * d);
    prepared.push_back(ScaledQuery::make(raw.data() + i * d, before_->scale, scaled.data() + i * d));
  }
  dot_products(scaled.data(), count, d, panel_->columns.data(), panel_->ld, x.data());

  HeavyEntries out;
  out.indptr.push_back(0);
  for (std::size_t i = 0; i < count; ++i) {
    const double* own = x.data() + i * panel_->ld;
    const auto seen =
        static_cast<std::size_t>(state.visible(first_query + i) - static_cast<std::int64_t>(start_));
    if (!prepared[i].zero) {
      Weighing weighing{prepared[i], epsilon_, prefix_normalizer(prepared[i], own, seen),
                        [&] { return exact_normalizer(prepared[i].raw, seen); }};
      weigh(weighing, *panel_, 0, earlier_ + seen, own, out);
    }
    out.indptr.push_back(static_cast<std::int64_t>(out.keys.size()));
  }
  return out;
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
    const CausalBlock causal(SketchAccess::state(state.sketch), block, state.sketch.spec().epsilon);
    const auto total = static_cast<std::size_t>(last - first);
    parts.resize((total + kQueriesPerTask - 1) / kQueriesPerTask);
    share_tasks(workers, parts.size(), [&](int, std::size_t task) {
      const std::size_t begin = task * kQueriesPerTask;
      parts[task] = causal.entries(state, static_cast<std::size_t>(first) + begin,
                                   std::min(kQueriesPerTask, total - begin));
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
  const bool last = state.absorbed + count == state.key_count;
  if (count == 0 || (count < state.sketch.spec().block_rows && !last)) return;
  RowStore none(state.waiting.dim());
  pass_block(state, state.waiting.view(state.absorbed), workers);
  state.absorbed += count;
  std::swap(state.waiting, none);
}

}  // namespace

void absorb_with(CausalHeavy& pass, const Rows& keys, const Workers& workers) {
  const FloatEnvironment ieee;
  CausalState& state = CausalAccess::state(pass);
  const std::uint64_t next = state.absorbed + state.waiting.count();
  if (keys.count == 0) return;
  if (keys.data == nullptr) throw InvalidInput("keys have no data");
  if (keys.dim != state.sketch.spec().dim) {
    throw InvalidInput("keys have " + std::to_string(keys.dim) + " columns; the pass has dim " +
                       std::to_string(state.sketch.spec().dim));
  }
  if (keys.first_id != next || keys.stream != 0) {
    throw InvalidInput("a causal pass takes keys in order: row " + std::to_string(next) +
                       " of stream 0 is next, not row " + std::to_string(keys.first_id) + " of stream " +
                       std::to_string(keys.stream));
  }
  if (keys.count > state.key_count - next) {
    throw InvalidInput("rows " + std::to_string(next) + " .. " + std::to_string(next + keys.count - 1) +
                       " are more than the " + std::to_string(state.key_count) + " keys announced");
  }
  require_finite(keys);
  current_isa();
  const std::size_t size = state.sketch.spec().block_rows;
  pass_waiting(state, workers);  // what an earlier call could not finish for want of memory
  for (std::size_t at = 0; at < keys.count;) {
    const std::size_t take = std::min(keys.count - at, size - state.waiting.count());
    const Rows part = keys.slice(at, take);
    at += take;
    if (take == size) {
      pass_block(state, part, workers);
      state.absorbed += size;
    } else {
      state.waiting.append(part);
      pass_waiting(state, workers);
    }
  }
}

}  // namespace detail

CausalHeavy::CausalHeavy(const Spec& spec, const Rows& queries, std::uint64_t key_count) {
  validate(spec);
  detail::check_queries(queries, spec.dim);
  detail::require_finite(queries);
  if (key_count > std::uint64_t{1} << 62) throw InvalidInput(std::to_string(key_count) + " keys pass 2^62");
  state_ = std::make_unique<detail::CausalState>(spec, queries, key_count);
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
  if (next_row() != s.key_count) {
    throw InvalidInput("the causal pass has " + std::to_string(next_row()) + " of " +
                       std::to_string(s.key_count) + " keys");
  }
  detail::pass_waiting(s, detail::serial_workers());
  // Queries before the first that sees a key come first, without entries.
  HeavyEntries blind;
  blind.indptr.assign(1 + s.queries.count - std::min<std::uint64_t>(s.queries.count, s.key_count), 0);
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
