#include "lib/coarse_terms.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "lib/weigh.hpp"

namespace heavykeys::detail {

namespace {

constexpr double kLog2E = 0x1.71547652b82fep0;

static_assert(KeyBlock::kRows <= kMostCoarse);

/// sum_i query[i] * key[i], its order one for all machines.
double row_product(const double* query, const double* key, std::size_t dim) {
  constexpr std::size_t kSums = 8;  // that need not wait for each other
  std::array<double, kSums> sums = {};
  std::size_t i = 0;
  for (; i + kSums <= dim; i += kSums) {
    for (std::size_t s = 0; s < kSums; ++s) sums[s] += query[i + s] * key[i + s];
  }
  for (std::size_t s = 0; i < dim; ++i, ++s) sums[s] += query[i] * key[i];
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

}  // namespace

CoarseTerms::CoarseTerms(const ScanScore& score, double tolerance, std::size_t dim)
    : score_(score),
      tolerance_(tolerance),
      scale_(std::fabs(score.score().parameter)),
      product_error_(dot_error(dim) + 0x1p-50),
      found_(KeyBlock::kRows),
      found_terms_(KeyBlock::kRows + 16),
      arguments_(KeyBlock::kRows),
      fine_(KeyBlock::kRows) {}

inline CoarseLook CoarseTerms::look(const CoarseSize& query, const CoarseSize& keys) const {
  CoarseLook look;
  if (!query.usable || !keys.usable) return look;
  const double most = scale_ * query.norm * keys.norm;  // of a logit
  // Four roundings of float32, each of at most twice the greatest exponent, and what underflows.
  const double logit = scale_ * coarse_error(query, keys) + most * 0x1p-21 + 0x1p-60;
  if (!(logit < tolerance_)) return look;
  const double wrong = logit + logit * logit + 2.0 * kCoarseRounding;
  look.wrong = wrong + 1.25 * wrong * wrong;  // 1 / (1 - wrong) - 1, and more: wrong < 0.12
  look.fine_wrong = 1.01 * most * product_error_ + 0x1p-49;
  look.factor = static_cast<float>(scale_ * query.step * keys.step * kLog2E);
  look.suits = look.wrong + look.fine_wrong <= 0.49 * tolerance_;
  return look;
}

void CoarseTerms::choose(const CoarseSize* queries, const CoarseSize& keys,
                         std::span<const std::size_t> visible, CoarseLook* looks, CoarseTerm* terms) const {
  for (std::size_t i = 0; i < visible.size(); ++i) {
    looks[i] = look(queries[i], keys);
    terms[i] = {.n = looks[i].suits ? visible[i] : 0, .factor = looks[i].factor};
  }
}

BlockSum coarse_sum(const CoarseLook& look, const CoarseTerm& terms) {
  return {terms.sum * (1.0 - look.wrong) * (1.0 - 0x1p-51), terms.sum * (1.0 + look.wrong) * (1.0 + 0x1p-51),
          static_cast<std::int64_t>(terms.unit)};
}

void CoarseTerms::append_candidates(const CoarsePair& pair, const CoarseLook& look, const CoarseTerm& terms,
                                    const std::int32_t* products, double needed,
                                    std::vector<ScanCandidate>& out) {
  // The upper end of a term in float64 is at most 1 + 2 fine_wrong times the true one.
  const double threshold = needed * (1.0 - look.wrong) * (1.0 - 2.0 * look.fine_wrong) * (1.0 - 0x1p-20);
  const std::size_t count =
      select_coarse(products, terms, static_cast<float>(threshold), found_.data(), found_terms_.data());
  if (count > 0) append_found(pair, look, static_cast<std::int64_t>(terms.unit), count, needed, out);
}

void CoarseTerms::append_found(const CoarsePair& pair, const CoarseLook& look, std::int64_t unit,
                               std::size_t count, double needed, std::vector<ScanCandidate>& out) {
  const QueryTile& tile = pair.tile;
  const double* query = tile.scaled.data() + pair.i * tile.dim;
  // Of the key as it is, and as the block scales it; no exponent is beyond 400 (CoarseSize::usable).
  const double of_raw = scale_far(1.0, tile.exponent[pair.i] - score_.reference(0).exponent);
  const double of_scaled = of_raw * scale_far(1.0, pair.block.top);
  const double error = dot_error(tile.dim) * tile.norm[pair.i] * of_scaled;
  const std::size_t whole = whole_groups(count);
  for (std::size_t f = 0; f < whole; ++f) {
    const std::size_t u = found_[std::min(f, count - 1)];
    arguments_.x[f] = row_product(query, pair.block.raw.data() + u * tile.dim, tile.dim) * of_raw;
    arguments_.e[f] = error * pair.block.norm[u];
  }
  score_.evaluate_softmax_in(unit, arguments_, whole, fine_);
  const double wrong = look.wrong - kCoarseRounding;  // of one term, without the sum's part of it
  for (std::size_t f = 0; f < count; ++f) {
    const double term = fine_.value[f], off = fine_.error[f];
    if (term == 0.0 || term + off < needed) continue;
    const auto coarse = static_cast<double>(found_terms_[f]);
    const double rounding = coarse * 0x1p-50;
    out.push_back({pair.block.first_id + found_[f], unit, term, off,
                   std::max(0.0, (term - off) - coarse * (1.0 - wrong) - rounding),
                   std::max(0.0, coarse * (1.0 + wrong) - (term + off) - rounding)});
  }
}

}  // namespace heavykeys::detail
