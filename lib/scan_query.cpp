#include "lib/scan_query.hpp"

#include <algorithm>
#include <cmath>

#include "lib/kernels.hpp"
#include "lib/weigh.hpp"

namespace heavykeys::detail {

namespace {

/// Relative errors of sums and of candidates stay below this: four of them make less than 1e-10.
constexpr double kTolerance = 0x1p-36;
constexpr double kBlockRounding = 64 * 0x1p-53;  // of sum_in_groups over a block
constexpr double kUnderflow = 0x1p-500;          // beside a sum of at least about 1
constexpr double kDown = 1.0 - 0x1p-40, kUp = 1.0 + 0x1p-40;
constexpr int kLeastShift = -500, kGreatestShift = 800;  // powers of two by which no product leaves the range
constexpr double kNear = 0x1p-900, kFar = 0x1p900;

}  // namespace

double QueryScan::least() const { return std::max(0.0, (sum.hi - error * kUp) * kDown); }

void QueryScan::sweep(double epsilon) {
  const double needed = epsilon * least() * kDown;
  std::erase_if(candidates, [&](const ScanCandidate& c) { return c.term + c.error < needed; });
  settled = candidates.size();
}

void QueryScan::list(double epsilon, Mode mode, HeavyEntries& out) const {
  const double total = static_cast<double>(sum), wrong = error * (1.0 + 0x1p-20);
  if (total == 0.0 && wrong == 0.0) return;  // every f is 0: the weights are 0/0
  for (const ScanCandidate& c : candidates) {
    const double lower = std::max(0.0, (c.term - c.error) / (total + wrong) * kDown);
    const double upper = total > wrong ? std::min(1.0, (c.term + c.error) / (total - wrong) * kUp) : 1.0;
    if ((mode == Mode::no_false_negatives ? upper : lower) < epsilon) continue;
    out.keys.push_back({0, c.row});
    out.weights.push_back(std::min(1.0, c.term / total));
    out.lower.push_back(lower);
    out.upper.push_back(upper);
  }
}

QueryScanner::QueryScanner(const ScanScore& score, double epsilon)
    : score_(score),
      epsilon_(epsilon),
      hi_(KeyBlock::kRows),
      lo_(KeyBlock::kRows),
      size_(KeyBlock::kRows),
      exponent_(KeyBlock::kRows),
      arguments_(KeyBlock::kRows),
      terms_(KeyBlock::kRows),
      found_(KeyBlock::kRows) {}

void QueryScanner::multiply(Effort effort, const QueryTile& tile, std::size_t i, const KeyBlock& block,
                            std::size_t visible, const double* products) {
  if (effort == Effort::exact) return multiply_exactly(tile, i, block, visible);
  const double gamma = dot_error(tile.dim);
  common_ = block.common;
  for (std::size_t u = 0; u < visible; ++u) exponent_[u] = tile.exponent[i] + block.exponent[u];
  if (effort == Effort::once) {
    const double unit = gamma * tile.norm[i];
    for (std::size_t u = 0; u < visible; ++u) {
      hi_[u] = products[u];
      size_[u] = unit * block.norm[u];
    }
    return;
  }
  dot_products_twice(tile.scaled.data() + i * tile.dim, tile.dim, block.columns.data(), block.ld, hi_.data(),
                     lo_.data(), size_.data());
  const double lost = tile.norm[i] > 0.0 ? static_cast<double>(tile.dim) * 0x1p-1000 : 0.0;
  for (std::size_t u = 0; u < visible; ++u) {
    size_[u] *= 2.0 * gamma * gamma;
    if ((tile.wide[i] || block.wide[u]) && block.norm[u] > 0.0) size_[u] += lost;
  }
}

/// Replaces the products that are still uncertain after `twice`: only cancellation leaves any.
void QueryScanner::multiply_exactly(const QueryTile& tile, std::size_t i, const KeyBlock& block,
                                    std::size_t visible) {
  for (std::size_t u = 0; u < visible; ++u) {
    if (size_[u] <= 0x1p-60 * std::fabs(hi_[u])) continue;
    const Dyadic x = exact_product(tile.raw.data() + i * tile.dim, block.raw.data() + u * tile.dim, tile.dim);
    if (x.sign() == 0) {
      hi_[u] = lo_[u] = size_[u] = 0.0;
      continue;
    }
    common_ = false;
    exponent_[u] = x.binary_exponent();
    const DoubleDouble rounded = x.rounded(-exponent_[u]);
    hi_[u] = rounded.hi;
    lo_[u] = rounded.lo;
    size_[u] = 0x1p-104 * std::fabs(rounded.hi);
  }
}

/// The least e with |value[u]| 2^exponent[u] < 2^e for all; kZeroRow when all are 0.
int QueryScanner::greatest_exponent(const AlignedVector<double>& values, std::size_t visible) const {
  int top = kZeroRow;
  for (std::size_t u = 0; u < visible; ++u) {
    if (values[u] != 0.0) top = std::max(top, std::ilogb(values[u]) + 1 + exponent_[u]);
  }
  return top;
}

/// Units for these products. `bound` is an exponent that no |product| can reach.
Reference QueryScanner::choose_reference(const QueryScan& query, std::size_t visible, int bound) const {
  const bool fresh = !(query.sum.hi > 0.0) || !query.reference.set;
  if (score_.is_softmax()) return fresh ? score_.reference(0) : query.reference;
  if (!fresh && score_.holds(query.reference, bound)) return query.reference;
  const int top = greatest_exponent(hi_, visible);
  if (!fresh && (top == kZeroRow || score_.holds(query.reference, top))) return query.reference;
  if (top != kZeroRow) return score_.reference(top);
  // Nothing but zeros, and what they may be wrong by: in larger units that would underflow to nothing.
  const int uncertain = greatest_exponent(size_, visible);
  return score_.reference(uncertain != kZeroRow ? uncertain : bound);
}

/// One product times 2^shift, wherever in the range of exponents that is.
void QueryScanner::to_distant_units(std::size_t u, int shift) {
  double x = std::ldexp(hi_[u], shift), lo = std::ldexp(lo_[u], shift);
  double e = std::min(std::ldexp(size_[u], shift), kFar);
  if (std::fabs(x) > kFar) {  // only expressive attention goes there, and is 1: the relative error decides
    x = std::copysign(kFar, x);
    lo = 0.0;
    e = std::min(size_[u] / std::fabs(hi_[u]), 1.0) * kFar;
  }
  // Nothing beside the other terms, but not certainly nothing.
  if (std::fabs(x) < kNear && (hi_[u] != 0.0 || size_[u] != 0.0)) e += kNear;
  arguments_.x[u] = x;
  arguments_.lo[u] = lo;
  arguments_.e[u] = e;
}

void QueryScanner::to_units(const Reference& reference, std::size_t visible) {
  const int shift = exponent_[0] - reference.exponent;
  if (common_ && shift >= kLeastShift && shift <= kGreatestShift) {
    const double factor = std::ldexp(1.0, shift);
    for (std::size_t u = 0; u < visible; ++u) {
      arguments_.x[u] = hi_[u] * factor;
      arguments_.lo[u] = lo_[u] * factor;
      arguments_.e[u] = size_[u] * factor;
    }
  } else {
    for (std::size_t u = 0; u < visible; ++u) to_distant_units(u, exponent_[u] - reference.exponent);
  }
  for (std::size_t u = visible; u < whole_groups(visible); ++u) {
    arguments_.x[u] = arguments_.x[0];
    arguments_.lo[u] = arguments_.lo[0];
    arguments_.e[u] = arguments_.e[0];
  }
}

/// The keys that may have a weight of epsilon, in found_. True when the terms of all are known well enough.
bool QueryScanner::find_candidates(const Sums& sums, double block_error, std::size_t visible) {
  const double least = std::max(0.0, (sums.sum.hi - sums.error * kUp) * kDown);
  const double needed = epsilon_ * least * kDown;
  // No error of one term is larger than that of all.
  const double threshold = std::max(0.0, (needed - block_error * kUp) * kDown);
  const std::size_t count = select_at_least(terms_.value.data(), visible, threshold, found_.data());
  found_count_ = 0;
  bool certain = true;
  for (std::size_t f = 0; f < count; ++f) {
    const double term = terms_.value[found_[f]], error = terms_.error[found_[f]];
    if (term + error < needed) continue;
    certain = certain && error <= kTolerance * term;
    if (term == 0.0) continue;
    found_[found_count_++] = found_[f];
  }
  return certain;
}

/// Sums with this block, as the products are known. True when no more effort is needed.
bool QueryScanner::resolve(Effort effort, const QueryScan& query, std::size_t visible, int bound,
                           Sums& sums) {
  sums.reference = choose_reference(query, visible, bound);
  to_units(sums.reference, visible);
  score_.evaluate(sums.reference, arguments_, visible, effort != Effort::once, terms_);
  const std::size_t whole = whole_groups(visible);
  const double block_sum = sum_in_groups(terms_.value.data(), whole);
  double block_error = sum_in_groups(terms_.error.data(), whole) * kUp + block_sum * kBlockRounding;
  if (block_sum > 0.0) block_error += kUnderflow;

  sums.factor = query.sum.hi > 0.0 ? score_.rescale(query.reference, sums.reference) : 1.0;
  sums.sum = query.sum * DoubleDouble(sums.factor);
  sums.error = query.error * sums.factor;
  if (sums.factor != 1.0) sums.error += sums.sum.hi * 0x1p-48 + kUnderflow;
  sums.sum = sums.sum + DoubleDouble(block_sum);
  sums.error += block_error;
  const bool certain = find_candidates(sums, block_error, visible);
  return certain && (block_error <= kTolerance * block_sum || sums.error <= kTolerance * sums.sum.hi);
}

void QueryScanner::add(QueryScan& query, const QueryTile& tile, std::size_t i, const KeyBlock& block,
                       std::size_t visible, const double* products) {
  const int bound =
      tile.exponent[i] + block.top + std::ilogb(static_cast<double>(tile.dim)) + 1;  // |x| < d 2^(a + b)
  Sums sums;
  for (const Effort effort : {Effort::once, Effort::twice, Effort::exact}) {
    multiply(effort, tile, i, block, visible, products);
    if (resolve(effort, query, visible, bound, sums)) break;
  }
  query.candidates.reserve(query.candidates.size() + found_count_);  // the last that can throw
  if (sums.factor != 1.0) {
    for (ScanCandidate& c : query.candidates) {
      c.term *= sums.factor;
      c.error = c.error * sums.factor + c.term * 0x1p-48;
    }
  }
  query.sum = sums.sum;
  query.error = sums.error;
  query.reference = sums.reference;
  for (std::size_t f = 0; f < found_count_; ++f) {
    const std::uint32_t u = found_[f];
    query.candidates.push_back({block.first_id + u, terms_.value[u], terms_.error[u]});
  }
  if (query.candidates.size() > 2 * query.settled + 32) query.sweep(epsilon_);
}

}  // namespace heavykeys::detail
