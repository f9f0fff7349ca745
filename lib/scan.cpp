// The scan: keys gathered into batches of blocks, each batch shared out over tiles of queries. Every query
// adds its blocks in order by itself, so neither threads nor pushes are seen in its sums.
#include "lib/scan.hpp"

#include <algorithm>
#include <bit>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "heavykeys/error.hpp"
#include "lib/dtype.hpp"
#include "lib/float_environment.hpp"
#include "lib/heavy_entries.hpp"
#include "lib/isa.hpp"
#include "lib/kernels.hpp"
#include "lib/key_order.hpp"
#include "lib/row_store.hpp"
#include "lib/scan_block.hpp"
#include "lib/scan_query.hpp"
#include "lib/scan_score.hpp"
#include "lib/shared_tasks.hpp"
#include "lib/text.hpp"
#include "lib/weigh_queries.hpp"

namespace heavykeys {

namespace detail {

namespace {

constexpr double kLeastEpsilon = 1e-60;
constexpr std::uint64_t kMostKeys = std::uint64_t{1} << 62;

/// Rows that wait to be worked on together: whole blocks, about 2^18 elements.
std::size_t batch_rows(std::size_t dim) {
  return std::clamp<std::size_t>((std::size_t{1} << 18) / dim, KeyBlock::kRows, 4096) / KeyBlock::kRows *
         KeyBlock::kRows;
}

}  // namespace

/// What one worker needs for a tile of queries.
struct TileScanner {
  TileScanner(const ScanScore& score, double epsilon)
      : scanner(score, epsilon), products(QueryTile::kQueries * KeyBlock::kRows) {}
  QueryTile tile;
  QueryScanner scanner;
  AlignedVector<double> products;
};

struct ScanState {
  ScanState(const Score& f, double e, const Rows& q, const ScanOptions& o)
      : score(f), epsilon(e), queries(q), options(o), scans(q.count), waiting(q.dim) {}

  ScanScore score;
  double epsilon;
  Rows queries;
  ScanOptions options;
  int greatest_query = kZeroRow;  // exponent of their greatest element
  std::vector<QueryScan> scans;   // [m]
  RowStore waiting;               // rows of the batch that is not complete
  std::uint64_t absorbed = 0;
  bool finished = false;
  // Between batches these hold nothing but memory.
  std::vector<KeyBlock> blocks;
  std::vector<QueryScan> after;                             // [m]
  std::vector<std::unique_ptr<TileScanner>> tile_scanners;  // [workers]

  bool announced() const { return options.causal || options.key_count > 0; }
  /// How many of the keys [first, first + count) query i sees.
  std::size_t visible(std::size_t i, std::uint64_t first, std::size_t count) const {
    if (!options.causal) return count;
    const std::int64_t end = static_cast<std::int64_t>(i) + 1 + static_cast<std::int64_t>(options.key_count) -
                             static_cast<std::int64_t>(queries.count);
    return static_cast<std::size_t>(std::clamp<std::int64_t>(end - static_cast<std::int64_t>(first), 0,
                                                             static_cast<std::int64_t>(count)));
  }
};

struct ScanAccess {
  static ScanState& state(Scan& scan) { return *scan.state_; }
};

namespace {

/// Adds the blocks to copies of the scans of queries [begin, begin + count), in state.after.
void scan_tile(ScanState& state, std::size_t blocks, std::size_t begin, std::size_t count, TileScanner& own) {
  own.tile.load(state.queries.slice(begin, count));
  for (std::size_t i = begin; i < begin + count; ++i) state.after[i] = state.scans[i];
  for (std::size_t b = 0; b < blocks; ++b) {
    const KeyBlock& block = state.blocks[b];
    // A later query sees no fewer keys: those that see any are the last of the tile.
    std::size_t first = 0;
    while (first < count && state.visible(begin + first, block.first_id, block.count) == 0) ++first;
    if (first == count) continue;
    dot_products(own.tile.scaled.data() + first * own.tile.dim, count - first, own.tile.dim,
                 block.columns.data(), block.ld, own.products.data());
    for (std::size_t i = first; i < count; ++i) {
      own.scanner.add(state.after[begin + i], own.tile, i, block,
                      state.visible(begin + i, block.first_id, block.count),
                      own.products.data() + (i - first) * block.ld);
    }
  }
}

/// Rows that begin at a whole block. Scans are as they were when this throws.
void scan_batch(ScanState& state, const Rows& rows, const Workers& workers) {
  const std::size_t blocks = (rows.count + KeyBlock::kRows - 1) / KeyBlock::kRows;
  const std::size_t m = state.queries.count;
  const auto threads = static_cast<std::size_t>(workers.count);
  if (state.blocks.size() < blocks) state.blocks.resize(blocks);
  state.after.resize(m);
  while (state.tile_scanners.size() < threads)
    state.tile_scanners.push_back(std::make_unique<TileScanner>(state.score, state.epsilon));
  share_tasks(workers, blocks, [&](int, std::size_t b) {
    const std::size_t first = b * KeyBlock::kRows;
    state.blocks[b].load(rows.slice(first, std::min(KeyBlock::kRows, rows.count - first)));
  });
  share_tasks(workers, (m + QueryTile::kQueries - 1) / QueryTile::kQueries,
              [&](int worker, std::size_t tile) {
                const std::size_t begin = tile * QueryTile::kQueries;
                scan_tile(state, blocks, begin, std::min(QueryTile::kQueries, m - begin),
                          *state.tile_scanners[static_cast<std::size_t>(worker)]);
              });
  std::swap(state.scans, state.after);
}

/// The rows that wait, once they are a whole batch or the last.
void scan_waiting(ScanState& state, bool last, const Workers& workers) {
  const std::size_t count = state.waiting.count();
  last = last || (state.announced() && state.absorbed + count == state.options.key_count);
  if (count == 0 || (count < batch_rows(state.queries.dim) && !last)) return;
  RowStore none(state.waiting.dim());
  scan_batch(state, state.waiting.view(state.absorbed), workers);
  state.absorbed += count;
  std::swap(state.waiting, none);
}

/// Throws unless every dot product with a query stays in the range of the score.
void check_range(const ScanState& state, const Rows& keys) {
  const int limit = state.score.greatest_exponent();
  const int factor =
      state.greatest_query + static_cast<int>(std::bit_width(keys.dim));  // |q.k| < 2^factor max |k|
  std::vector<double> row(keys.dim);
  for (std::size_t r = 0; r < keys.count; ++r) {
    read_row(keys, r, row.data());
    if (factor + row_exponent(row.data(), keys.dim) <= limit) continue;
    throw InvalidInput("row " + std::to_string(keys.first_id + r) + ": its dot products may reach 2^" +
                       std::to_string(factor + row_exponent(row.data(), keys.dim)) + "; score " +
                       state.score.score().name() + " takes them up to 2^" + std::to_string(limit));
  }
}

void check_keys(const ScanState& state, const Rows& keys) {
  const std::uint64_t next = state.absorbed + state.waiting.count();
  if (state.finished) throw InvalidInput("the entries of this scan were taken; it takes no more keys");
  const bool announced = state.announced();
  check_next_keys({"a scan", state.queries.dim, next, announced ? state.options.key_count : kMostKeys,
                   announced ? "announced" : "a scan can take"},
                  keys);
  if (state.score.greatest_exponent() < 2200) check_range(state, keys);
}

}  // namespace

void absorb_with(Scan& scan, const Rows& keys, const Workers& workers) {
  const FloatEnvironment ieee;
  ScanState& state = ScanAccess::state(scan);
  if (keys.count == 0) return;
  check_keys(state, keys);
  current_isa();
  const std::size_t size = batch_rows(keys.dim);
  scan_waiting(state, false, workers);  // what an earlier call could not finish for want of memory
  for (std::size_t at = 0; at < keys.count;) {
    const std::size_t take = std::min(keys.count - at, size - state.waiting.count());
    const Rows part = keys.slice(at, take);
    at += take;
    if (take == size) {
      scan_batch(state, part, workers);
      state.absorbed += size;
    } else {
      state.waiting.append(part);
      scan_waiting(state, false, workers);
    }
  }
}

}  // namespace detail

Scan::Scan(const Score& score, double epsilon, const Rows& queries, const ScanOptions& options) {
  const detail::FloatEnvironment ieee;
  if (!(epsilon >= detail::kLeastEpsilon && epsilon <= 1.0)) {
    throw InvalidInput("epsilon is " + detail::shortest(epsilon) + "; it must be in [1e-60, 1]");
  }
  if (queries.dim < 1 || queries.dim > 4096) {
    throw InvalidInput("dim is " + std::to_string(queries.dim) + "; it must be in 1 .. 4096");
  }
  if (options.key_count > detail::kMostKeys)
    throw InvalidInput(std::to_string(options.key_count) + " keys pass 2^62");
  detail::check_shape(queries, queries.dim);
  detail::require_finite(queries);
  state_ = std::make_unique<detail::ScanState>(score, epsilon, queries, options);
  std::vector<double> row(queries.dim);
  for (std::size_t i = 0; i < queries.count; ++i) {
    detail::read_row(queries, i, row.data());
    state_->greatest_query = std::max(state_->greatest_query, detail::row_exponent(row.data(), queries.dim));
  }
}
Scan::Scan(Scan&&) noexcept = default;
Scan& Scan::operator=(Scan&&) noexcept = default;
Scan::~Scan() = default;

void Scan::absorb(const Rows& keys) { detail::absorb_with(*this, keys, detail::serial_workers()); }
std::uint64_t Scan::next_row() const { return state_->absorbed + state_->waiting.count(); }

HeavyEntries Scan::finish() {
  const detail::FloatEnvironment ieee;
  detail::ScanState& s = *state_;
  if (s.finished) throw InvalidInput("the entries of this scan were taken before");
  if (s.announced() && next_row() != s.options.key_count) {
    throw InvalidInput("the scan has " + std::to_string(next_row()) + " of " +
                       std::to_string(s.options.key_count) + " keys");
  }
  detail::scan_waiting(s, true, detail::serial_workers());
  HeavyEntries all;
  all.indptr.push_back(0);
  for (const detail::QueryScan& query : s.scans) {
    query.list(s.epsilon, s.options.mode, all);
    all.indptr.push_back(static_cast<std::int64_t>(all.keys.size()));
  }
  std::vector<detail::QueryScan>().swap(s.scans);
  std::vector<detail::QueryScan>().swap(s.after);
  std::vector<detail::KeyBlock>().swap(s.blocks);
  s.tile_scanners.clear();
  s.finished = true;
  return all;
}

HeavyEntries scan(const Score& score, double epsilon, const Rows& queries, const Rows& keys,
                  const ScanOptions& options) {
  ScanOptions own = options;
  own.key_count = keys.count;
  Scan pass(score, epsilon, queries, own);
  pass.absorb(keys);
  return pass.finish();
}

}  // namespace heavykeys
