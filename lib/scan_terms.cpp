#include "lib/scan_terms.hpp"

#include <algorithm>
#include <cmath>

#include "lib/weigh.hpp"

namespace heavykeys::detail {

namespace {

constexpr double kBlockRounding = 64 * 0x1p-53;  // of sum_terms over a block, and what underflows beside it
constexpr double kUp = 1.0 + 0x1p-40, kDown = 1.0 - 0x1p-38;
constexpr int kLeastShift = -500, kGreatestShift = 800;  // powers of two by which no product leaves the range
constexpr double kNear = 0x1p-900, kFar = 0x1p900;

}  // namespace

BlockTerms::BlockTerms(const ScanScore& score, double epsilon)
    : score_(score),
      epsilon_(epsilon),
      hi_(KeyBlock::kRows),
      lo_(KeyBlock::kRows),
      size_(KeyBlock::kRows),
      exponent_(KeyBlock::kRows),
      arguments_(KeyBlock::kRows),
      terms_(KeyBlock::kRows) {}

double BlockTerms::lower() const { return std::max(0.0, (sum_ - error_) * (1.0 - 0x1p-51)); }
double BlockTerms::upper() const { return (sum_ + error_) * (1.0 + 0x1p-51); }

void BlockTerms::multiply(Effort effort, const QueryTile& tile, std::size_t i, const KeyBlock& block,
                          const double* products) {
  if (effort == Effort::twice) return multiply_twice(tile, i, block);
  if (effort == Effort::exact) return multiply_exactly(tile, i, block);
  x_ = {products, nullptr, block.norm.data(), dot_error(tile.dim) * tile.norm[i], block.common};
  const std::size_t count = block.common ? 1 : visible_;
  for (std::size_t u = 0; u < count; ++u) exponent_[u] = tile.exponent[i] + block.exponent[u];
}

void BlockTerms::multiply_twice(const QueryTile& tile, std::size_t i, const KeyBlock& block) {
  dot_products_twice(tile.scaled.data() + i * tile.dim, tile.dim, block.columns.data(), block.ld, hi_.data(),
                     lo_.data(), size_.data());
  x_ = {hi_.data(), lo_.data(), size_.data(), 1.0, block.common};
  const double gamma = dot_error(tile.dim);
  const double lost = tile.norm[i] > 0.0 ? static_cast<double>(tile.dim) * 0x1p-1000 : 0.0;
  for (std::size_t u = 0; u < visible_; ++u) {
    size_[u] *= 2.0 * gamma * gamma;
    if ((tile.wide[i] || block.wide[u]) && block.norm[u] > 0.0) size_[u] += lost;
    exponent_[u] = tile.exponent[i] + block.exponent[u];
  }
}

/// Replaces the products that are still uncertain after `twice`: only cancellation leaves any.
void BlockTerms::multiply_exactly(const QueryTile& tile, std::size_t i, const KeyBlock& block) {
  for (std::size_t u = 0; u < visible_; ++u) {
    if (size_[u] <= 0x1p-60 * std::fabs(hi_[u])) continue;
    const Dyadic x = exact_product(tile.raw.data() + i * tile.dim, block.raw.data() + u * tile.dim, tile.dim);
    if (x.sign() == 0) {
      hi_[u] = lo_[u] = size_[u] = 0.0;
      continue;
    }
    x_.common = false;
    exponent_[u] = x.binary_exponent();
    const DoubleDouble rounded = x.rounded(-exponent_[u]);
    hi_[u] = rounded.hi;
    lo_[u] = rounded.lo;
    size_[u] = 0x1p-104 * std::fabs(rounded.hi);
  }
}

/// The least e with |value[u]| 2^exponent[u] < 2^e for all; kZeroRow when all are 0.
int BlockTerms::greatest_exponent(const double* values) const {
  if (x_.common) {
    const Extremes x = extremes(values, visible_);
    const double top = std::max(std::fabs(x.least), std::fabs(x.greatest));
    return top == 0.0 ? kZeroRow : std::ilogb(top) + 1 + exponent_[0];
  }
  int top = kZeroRow;
  for (std::size_t u = 0; u < visible_; ++u) {
    if (values[u] != 0.0) top = std::max(top, std::ilogb(values[u]) + 1 + exponent_[u]);
  }
  return top;
}

/// Units for these products. `bound` is an exponent that no |product| can reach.
Reference BlockTerms::choose_reference(int bound) const {
  if (score_.has_fixed_exponent()) return score_.reference(0);
  const int top = greatest_exponent(x_.hi);
  if (top != kZeroRow) return score_.reference(top);
  // Nothing but zeros, and what they may be wrong by: in larger units that would underflow to nothing.
  const int uncertain = x_.size_unit > 0.0 ? greatest_exponent(x_.size) : kZeroRow;
  if (uncertain == kZeroRow) return score_.reference(bound);
  return score_.reference(uncertain + std::ilogb(x_.size_unit) + 1);
}

/// One product times 2^shift, wherever in the range of exponents that is.
void BlockTerms::to_distant_units(std::size_t u, int shift) {
  const double size = x_.size[u] * x_.size_unit;
  double x = std::ldexp(x_.hi[u], shift), lo = x_.lo != nullptr ? std::ldexp(x_.lo[u], shift) : 0.0;
  double e = std::min(std::ldexp(size, shift), kFar);
  if (std::fabs(x) > kFar) {  // only expressive attention goes there, and is 1: the relative error decides
    e = std::min(size / std::fabs(x_.hi[u]), 1.0) * kFar;
    x = std::copysign(kFar, x);
    lo = 0.0;
  }
  // Nothing beside the other terms, but not certainly nothing.
  if (std::fabs(x) < kNear && (x_.hi[u] != 0.0 || size != 0.0)) e += kNear;
  arguments_.x[u] = x;
  arguments_.lo[u] = lo;
  arguments_.e[u] = e;
}

void BlockTerms::to_units() {
  const int shift = exponent_[0] - reference_.exponent;
  const std::size_t whole = whole_groups(visible_);
  if (x_.common && shift >= kLeastShift && shift <= kGreatestShift) {
    const double factor = std::ldexp(1.0, shift);
    scale_products(x_.hi, x_.size, whole, factor, x_.size_unit * factor, arguments_.x.data(),
                   arguments_.e.data());
    for (std::size_t u = 0; x_.lo != nullptr && u < visible_; ++u) arguments_.lo[u] = x_.lo[u] * factor;
  } else {
    for (std::size_t u = 0; u < visible_; ++u) {
      to_distant_units(u, exponent_[x_.common ? 0 : u] - reference_.exponent);
    }
  }
  for (std::size_t u = visible_; u < whole; ++u) {
    arguments_.x[u] = arguments_.x[0];
    arguments_.lo[u] = arguments_.lo[0];
    arguments_.e[u] = arguments_.e[0];
  }
}

/// Terms and sums, as the products are known. True when no more effort is needed: the sum is known well
/// enough, and so is every term that may be heavy. Such a term is at least epsilon of the block's sum.
bool BlockTerms::resolve(int bound) {
  reference_ = choose_reference(bound);
  to_units();
  score_.evaluate(reference_, arguments_, visible_, x_.lo != nullptr, terms_);
  const std::size_t whole = whole_groups(visible_);
  const TermSums sums = sum_terms(terms_.value.data(), terms_.error.data(), whole);
  sum_ = sums.term;
  error_ = sums.error * kUp + sums.term * kBlockRounding;
  if (error_ > kTolerance * sum_) return false;
  const double needed = epsilon_ * lower() * kDown;
  return all_known(terms_.value.data(), terms_.error.data(), whole, needed, kTolerance);
}

void BlockTerms::evaluate(const QueryTile& tile, std::size_t i, const KeyBlock& block, std::size_t visible,
                          const double* products) {
  const int bound =
      tile.exponent[i] + block.top + std::ilogb(static_cast<double>(tile.dim)) + 1;  // |x| < d 2^(a + b)
  visible_ = visible;
  for (const Effort effort : {Effort::once, Effort::twice, Effort::exact}) {
    multiply(effort, tile, i, block, products);
    if (resolve(bound)) return;
  }
}

}  // namespace heavykeys::detail
