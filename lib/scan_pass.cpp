// Batches of key blocks, shared out over tiles of queries. Every query adds its blocks by itself.
#include "lib/scan_pass.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <utility>

#include "heavykeys/error.hpp"
#include "lib/kernels.hpp"
#include "lib/read_rows.hpp"
#include "lib/shared_tasks.hpp"
#include "lib/stage.hpp"
#include "lib/text.hpp"

namespace heavykeys::detail {

void check_scan(double epsilon, std::size_t dim) {
  if (!(epsilon >= 1e-60 && epsilon <= 1.0)) {
    throw InvalidInput("epsilon is " + shortest(epsilon) + "; it must be in [1e-60, 1]");
  }
  if (dim < 1 || dim > 4096)
    throw InvalidInput("dim is " + std::to_string(dim) + "; it must be in 1 .. 4096");
}

void check_tolerance(double tolerance) {
  if (tolerance >= 1e-10 && tolerance <= 0.1) return;
  throw InvalidInput("tolerance is " + shortest(tolerance) + "; it must be in [1e-10, 0.1]");
}

std::size_t scan_batch_rows(std::size_t dim) {
  return std::clamp<std::size_t>((std::size_t{1} << 18) / dim, KeyBlock::kRows, 4096) / KeyBlock::kRows *
         KeyBlock::kRows;
}

ScanPass::ScanPass(const Score& score, double epsilon, const Rows& queries, const ScanOptions& options)
    : score_(score),
      epsilon_(epsilon),
      keep_(epsilon),
      queries_(queries),
      options_(options),
      scans_(queries.count) {
  std::vector<double> row(queries.dim);
  for (std::size_t i = 0; i < queries.count; ++i) {
    read_row(queries, i, row.data());
    greatest_query_ = std::max(greatest_query_, row_exponent(row.data(), queries.dim));
  }
  if (!looks_first()) return;
  keep_ = epsilon * kKeptShare;
  QueryTile tile;
  for (std::size_t begin = 0; begin < queries.count; begin += QueryTile::kMostQueries) {
    tile.load(queries.slice(begin, std::min(QueryTile::kMostQueries, queries.count - begin)));
    first_look_.append(tile, score.parameter < 0.0);
  }
}
ScanPass::ScanPass(ScanPass&&) noexcept = default;
ScanPass& ScanPass::operator=(ScanPass&&) noexcept = default;
ScanPass::~ScanPass() = default;

/// The exponent of the greatest element of all rows, where that is found quickly; none of them is NaN.
static std::optional<int> quick_exponent(const Rows& keys) {
  if (keys.dtype != Dtype::f32 || keys.column_stride != 1) return {};
  std::vector<float> tops(keys.dim);
  column_maxima(static_cast<const float*>(keys.data), keys.count, keys.dim, keys.row_stride, tops.data());
  const std::vector<double> row(tops.begin(), tops.end());
  return row_exponent(row.data(), keys.dim);
}

void ScanPass::check_range(const Rows& keys) const {
  const int limit = score_.greatest_exponent();
  if (limit >= 2200) return;  // no dot product of doubles gets there
  const int factor =
      greatest_query_ + static_cast<int>(std::bit_width(keys.dim));  // |q.k| < 2^factor max |k|
  if (const auto greatest = quick_exponent(keys); greatest && factor + *greatest <= limit) return;
  std::vector<double> row(keys.dim);
  for (std::size_t r = 0; r < keys.count; ++r) {
    read_row(keys, r, row.data());
    if (factor + row_exponent(row.data(), keys.dim) <= limit) continue;
    throw InvalidInput("row " + std::to_string(keys.first_id + r) + ": its dot products may reach 2^" +
                       std::to_string(factor + row_exponent(row.data(), keys.dim)) + "; score " +
                       score_.score().name() + " takes them up to 2^" + std::to_string(limit));
  }
}

void ScanPass::check_same(const ScanPass& other) const {
  const auto refuse = [](const std::string& what) { throw Incompatible("scans of different " + what); };
  if (score_.score() != other.score_.score()) {
    refuse("scores: " + score_.score().name() + " and " + other.score_.score().name());
  }
  if (epsilon_ != other.epsilon_) {
    refuse("epsilons: " + shortest(epsilon_) + " and " + shortest(other.epsilon_));
  }
  if (options_ != other.options_) refuse("options");
  if (queries_.count != other.queries_.count || queries_.dim != other.queries_.dim) {
    refuse("queries: " + std::to_string(queries_.count) + " x " + std::to_string(queries_.dim) + " and " +
           std::to_string(other.queries_.count) + " x " + std::to_string(other.queries_.dim));
  }
  std::vector<double> a(queries_.dim), b(queries_.dim);
  for (std::size_t i = 0; i < queries_.count; ++i) {
    read_row(queries_, i, a.data());
    read_row(other.queries_, i, b.data());
    if (a != b) refuse("queries: row " + std::to_string(i) + " differs");
  }
}

/// How many of the keys [first, first + count) query i sees.
std::size_t ScanPass::visible(std::size_t i, std::uint64_t first, std::size_t count) const {
  if (!options_.causal) return count;
  const std::int64_t end = static_cast<std::int64_t>(i) + 1 + static_cast<std::int64_t>(options_.key_count) -
                           static_cast<std::int64_t>(queries_.count);
  return static_cast<std::size_t>(
      std::clamp<std::int64_t>(end - static_cast<std::int64_t>(first), 0, static_cast<std::int64_t>(count)));
}

static std::size_t block_count(const Rows& keys) {
  return (keys.count + KeyBlock::kRows - 1) / KeyBlock::kRows;
}

/// Block b of the keys, to this place of blocks_.
ScanBlock& ScanPass::load_block(const Rows& keys, std::size_t b, std::size_t place) {
  const std::size_t first = b * KeyBlock::kRows;
  blocks_[place].load(keys.slice(first, std::min(KeyBlock::kRows, keys.count - first)), looks_first());
  return blocks_[place];
}

/// Adds the blocks of the keys to queries [begin, begin + count), in after_. `alone`: these are all queries,
/// and blocks are not there yet.
void ScanPass::scan_tile(const Rows& keys, std::size_t begin, std::size_t count, bool alone,
                         TileScanner& own) {
  for (std::size_t i = begin; !open_ && i < begin + count; ++i) after_[i] = scans_[i];
  own.begin(queries_.slice(begin, count), looks_first() ? &first_look_ : nullptr, begin,
            std::span(after_).subspan(begin, count));
  std::array<std::size_t, QueryTile::kMostQueries> seen = {};
  for (std::size_t b = 0; b < block_count(keys); ++b) {
    // A block that no one else reads is brought in when it is needed; a first look keeps all of a batch.
    const ScanBlock& block = alone ? load_block(keys, b, looks_first() ? b : 0) : blocks_[b];
    for (std::size_t i = 0; i < count; ++i)
      seen[i] = visible(begin + i, block.keys.first_id, block.keys.count);
    own.add(block, std::span(seen).first(count));
  }
  own.finish();
}

/// Queries of a tile: no result depends on it. Several tiles for each thread, so that they end together.
static std::size_t tile_size(std::size_t queries, int threads) {
  constexpr std::size_t kFew = 16;
  const std::size_t share = queries / (4 * static_cast<std::size_t>(threads)) / kFew * kFew;
  return std::clamp(share, kFew, QueryTile::kMostQueries);
}

void ScanPass::scan(const Rows& keys, const Workers& workers) {
  const std::size_t blocks = block_count(keys), m = queries_.count, size = tile_size(m, workers.count);
  const bool alone = workers.count == 1 && m <= size;
  if (blocks_.size() < blocks) blocks_.resize(blocks);
  after_.resize(m);
  while (tile_scanners_.size() < static_cast<std::size_t>(workers.count))
    tile_scanners_.push_back(
        std::make_unique<TileScanner>(score_, epsilon_, keep_, options_.tolerance, queries_.dim));
  Stage stage("scan", 2);
  if (!alone) share_tasks("scan", workers, blocks, [&](int, std::size_t b) { load_block(keys, b, b); });
  stage.step();
  share_tasks("scan", workers, (m + size - 1) / size, [&](int worker, std::size_t tile) {
    const std::size_t begin = tile * size;
    scan_tile(keys, begin, std::min(size, m - begin), alone,
              *tile_scanners_[static_cast<std::size_t>(worker)]);
  });
  open_ = true;
}

void ScanPass::merge(const ScanPass& other) {
  if (!open_) after_ = scans_;
  for (std::size_t i = 0; i < scans_.size(); ++i) after_[i].add(other.scans_[i], keep_);
  open_ = true;
}

void ScanPass::commit() noexcept {
  if (open_) std::swap(scans_, after_);
  open_ = false;
}

void ScanPass::list(std::size_t i, HeavyEntries& out) { scans_[i].list(epsilon_, keep_, options_.mode, out); }

void ScanPass::clear() noexcept {
  std::vector<QueryScan>().swap(scans_);
  std::vector<QueryScan>().swap(after_);
  std::vector<ScanBlock>().swap(blocks_);
  tile_scanners_.clear();
}

void ScanPass::get_top_bins(std::span<std::int64_t> out) const {
  for (std::size_t i = 0; i < scans_.size(); ++i) {
    out[2 * i] = scans_[i].lower.top();
    out[2 * i + 1] = scans_[i].upper.top();
  }
}

void ScanPass::raise(std::span<const std::int64_t> bins) {
  for (std::size_t i = 0; i < scans_.size(); ++i) {
    scans_[i].lower.raise(bins[2 * i]);
    scans_[i].upper.raise(bins[2 * i + 1]);
  }
}

void ScanPass::get_words(std::span<Limb> out) const {
  auto at = out.begin();
  for (const QueryScan& query : scans_) {
    at = std::ranges::copy(query.lower.words(), at).out;
    at = std::ranges::copy(query.upper.words(), at).out;
  }
}

void ScanPass::set_words(std::span<const Limb> words) {
  auto from = words.begin();
  for (QueryScan& query : scans_) {
    for (ScanSum* sum : {&query.lower, &query.upper}) {
      std::copy_n(from, sum->words().size(), sum->words().begin());
      from += static_cast<std::ptrdiff_t>(sum->words().size());
    }
  }
}

void ScanPass::add_words(std::span<Limb> into, std::span<const Limb> from) {
  for (std::size_t at = 0; at < into.size(); at += ScanSum::kLimbs) {
    add_shifted(into.data() + at, ScanSum::kLimbs, from.data() + at, ScanSum::kLimbs, 0);
  }
}

void ScanPass::sweep() {
  for (QueryScan& query : scans_) query.sweep(keep_);
}

void ScanPass::put_candidates(std::size_t i, ByteWriter& out) const {
  static_assert(sizeof(ScanCandidate) == 48);  // six numbers of eight bytes: nothing between them
  const std::vector<ScanCandidate>& candidates = scans_[i].candidates;
  out.put<std::uint64_t>(candidates.size());
  out.put_array(candidates.data(), candidates.size());
}

void ScanPass::append_candidates(std::size_t i, ByteReader& in) {
  const auto more = in.get_array<ScanCandidate>(in.get<std::uint64_t>());
  std::vector<ScanCandidate>& candidates = scans_[i].candidates;
  candidates.insert(candidates.end(), more.begin(), more.end());
}

}  // namespace heavykeys::detail
