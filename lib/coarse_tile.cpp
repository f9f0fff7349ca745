#include "lib/coarse_tile.hpp"

#include <algorithm>
#include <cmath>

#include "lib/block_kernels.hpp"
#include "lib/powers_of_two.hpp"
#include "lib/weigh.hpp"

namespace heavykeys::detail {

namespace {

constexpr double kLog2E = 0x1.71547652b82fep0;
constexpr double kNearLogit = 80.0;    // 115.5 powers of two, and their errors: below kCoarseExponent
constexpr double kMostLogit = 500.0;   // terms and their sums stay far from the ends of the range of doubles
constexpr std::size_t kTogether = 32;  // queries whose products stay in the first cache
constexpr std::size_t kMostFound = 4096;                      // until they are settled
constexpr std::size_t kSettled = 64;                          // together
constexpr double kDown = 1.0 - 0x1p-45, kUp = 1.0 + 0x1p-45;  // for sums of at most 2^6 blocks

static_assert(KeyBlock::kRows <= kMostCoarse);

double unit_of(const CoarseTerm& term) { return scale_far(1.0, static_cast<std::int64_t>(term.unit)); }

}  // namespace

CoarseTile::CoarseTile(const ScanScore& score, double tolerance, double keep, std::size_t dim)
    : score_(score),
      tolerance_(tolerance),
      keep_(keep),
      scale_(std::fabs(score.score().parameter)),
      product_error_(dot_error(dim) + 0x1p-50),
      looks_(QueryTile::kMostQueries),
      terms_(QueryTile::kMostQueries),
      seen_(QueryTile::kMostQueries),
      products_(kTogether * KeyBlock::kRows),
      likely_(KeyBlock::kRows),
      likely_terms_(KeyBlock::kRows + 16),
      query_rows_(kSettled),
      key_rows_(kSettled),
      arguments_(kSettled),
      fine_(kSettled) {}

void CoarseTile::begin(const QueryTile& tile, const CoarseQueries& queries, std::size_t first,
                       std::span<QueryScan> scans) {
  tile_ = &tile;
  queries_ = &queries;
  first_ = first;
  scans_ = scans;
  found_.clear();
  for (std::size_t i = 0; i < scans.size(); ++i) seen_[i] = {.before = scans[i].lower.at_least(0)};
}

inline CoarseTile::Look CoarseTile::look_at(const CoarseSize& query, const CoarseSize& keys) const {
  Look look;
  if (!query.usable || !keys.usable) return look;
  const double most = scale_ * query.norm * keys.norm;  // of a logit
  look.far = most > kNearLogit;
  // Two roundings in float32, each of the greatest exponent at most, far ones of twice that; what underflows.
  const double logit = scale_ * coarse_error(query, keys) + most * (look.far ? 0x1p-21 : 0x1p-22) + 0x1p-60;
  const double wrong = logit + logit * logit + 2.0 * kCoarseRounding;
  look.wrong = wrong + 1.25 * wrong * wrong;  // 1 / (1 - wrong) - 1, and more: wrong < 0.12
  look.fine_wrong = 1.01 * most * product_error_ + 0x1p-49;
  look.factor = static_cast<float>(scale_ * query.step * keys.step * kLog2E);
  look.suits = most <= kMostLogit && logit < tolerance_ && look.wrong + look.fine_wrong <= 0.49 * tolerance_;
  return look;
}

void CoarseTile::choose(const CoarseSize& keys, std::span<const std::size_t> visible,
                        std::vector<std::size_t>& close) {
  const CoarseSize* queries = queries_->size.data() + first_;
  for (std::size_t i = 0; i < visible.size(); ++i) {
    looks_[i] = look_at(queries[i], keys);
    terms_[i] = {.n = looks_[i].suits ? visible[i] : 0, .factor = looks_[i].factor, .far = looks_[i].far};
    if (!looks_[i].suits && visible[i] > 0) close.push_back(i);
  }
}

void CoarseTile::look(const KeyBlock& block, const CoarseKeys& keys, std::span<const std::size_t> visible,
                      std::vector<std::size_t>& close) {
  choose(keys.size, visible, close);
  const auto first = static_cast<std::size_t>(
      std::ranges::find_if(terms_, [](const CoarseTerm& t) { return t.n > 0; }) - terms_.begin());
  for (std::size_t begin = first; begin < visible.size(); begin += kTogether)
    look_together(block, keys, begin, std::min(kTogether, visible.size() - begin));
}

/// Queries [begin, begin + count), of which some may not be to look.
void CoarseTile::look_together(const KeyBlock& block, const CoarseKeys& keys, std::size_t begin,
                               std::size_t count) {
  const std::size_t width = queries_->width, ld = block.ld;
  coarse_products(queries_->values.data() + (first_ + begin) * width, count, width, keys.panel.data(), ld,
                  products_.data());
  coarse_sums(products_.data(), ld, count, terms_.data() + begin);
  for (std::size_t i = begin; i < begin + count; ++i) {
    if (terms_[i].n == 0) continue;
    const double unit = unit_of(terms_[i]), sum = terms_[i].sum * unit, wrong = looks_[i].wrong;
    seen_[i].lower += sum * (1.0 - wrong);
    seen_[i].upper += sum * (1.0 + wrong);
    // No true term passes most / (1 - wrong), and none in float64 is off by as much as `wrong` is too large.
    if (needed(i) > static_cast<double>(terms_[i].most) * unit * (1.0 + 2.0 * wrong)) continue;
    find(i, block, products_.data() + (i - begin) * ld);
  }
}

/// What term + error must reach for a key to stay.
inline double CoarseTile::needed(std::size_t i) const {
  return needed_to_stay((seen_[i].before + seen_[i].lower) * kDown, keep_);
}

void CoarseTile::find(std::size_t i, const KeyBlock& block, const std::int32_t* products) {
  // The upper end of a term in float64 is at most 1 + 2 fine_wrong times the true one.
  const Look& look = looks_[i];
  const double unit = unit_of(terms_[i]);
  const double threshold =
      needed(i) / unit * (1.0 - look.wrong) * (1.0 - 2.0 * look.fine_wrong) * (1.0 - 0x1p-20);
  const std::size_t count =
      select_coarse(products, terms_[i], static_cast<float>(threshold), likely_.data(), likely_terms_.data());
  for (std::size_t f = 0; f < count; ++f)
    found_.push_back({static_cast<std::uint32_t>(i), likely_[f], &block, look.wrong,
                      static_cast<double>(likely_terms_[f]) * unit});
  if (found_.size() >= kMostFound) settle();
}

void CoarseTile::finish() {
  for (std::size_t i = 0; i < scans_.size(); ++i) {
    scans_[i].lower.add(seen_[i].lower * kDown, 0);
    scans_[i].upper.add(seen_[i].upper * kUp, 0);
  }
  settle();
}

/// What was found long ago may be too light by now.
void CoarseTile::settle() {
  std::erase_if(found_, [&](const Found& f) { return f.term * (1.0 + 2.0 * f.wrong) < needed(f.query); });
  const std::span<const Found> all = found_;
  for (std::size_t at = 0; at < all.size(); at += kSettled)
    settle(all.subspan(at, std::min(kSettled, all.size() - at)));
  found_.clear();
}

/// Their terms in float64: those that may still be heavy become candidates.
void CoarseTile::settle(std::span<const Found> found) {
  const std::size_t dim = tile_->dim, count = found.size(), whole = whole_groups(count);
  for (std::size_t f = 0; f < whole; ++f) {
    const Found& key = found[std::min(f, count - 1)];
    query_rows_[f] = tile_->scaled.data() + key.query * dim;
    key_rows_[f] = key.block->raw.data() + key.key * dim;
  }
  pair_products(query_rows_.data(), key_rows_.data(), whole, dim, arguments_.x.data());
  for (std::size_t f = 0; f < whole; ++f) {
    const Found& key = found[std::min(f, count - 1)];
    // Of the key as it is, and as the block scales it; no exponent is beyond 400 (CoarseSize::usable).
    const double of_raw = scale_far(1.0, tile_->exponent[key.query] - score_.reference(0).exponent);
    arguments_.x[f] *= of_raw;
    arguments_.e[f] = dot_error(dim) * tile_->norm[key.query] * (of_raw * scale_far(1.0, key.block->top)) *
                      key.block->norm[key.key];
  }
  score_.evaluate_softmax_in(0, arguments_, whole, fine_);
  for (std::size_t f = 0; f < count; ++f) {
    const Found& key = found[f];
    const double term = fine_.value[f], off = fine_.error[f], coarse = key.term;
    if (term == 0.0 || term + off < needed(key.query)) continue;
    const double wrong = key.wrong - kCoarseRounding;  // of one term, without the sum's part of it
    const double rounding = coarse * 0x1p-50;
    QueryScan& scan = scans_[key.query];
    scan.candidates.push_back({key.block->first_id + key.key, 0, term, off,
                               std::max(0.0, (term - off) - coarse * (1.0 - wrong) - rounding),
                               std::max(0.0, coarse * (1.0 + wrong) - (term + off) - rounding)});
    scan.sweep_when_due(keep_);
  }
}

}  // namespace heavykeys::detail
