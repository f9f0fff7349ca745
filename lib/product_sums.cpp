#include "lib/product_sums.hpp"

#include <algorithm>

#include "lib/sample_grid.hpp"

namespace heavykeys::detail {

namespace {

// Of right at once: the int64 sums of a pass stay in the cache.
constexpr std::size_t kPassStrips = ProductSums::kWorkspace / (3 * kStrip * kStrip);

std::size_t strips_of(std::size_t columns) { return (columns + kStrip - 1) / kStrip; }

}  // namespace

DigitStrips::DigitStrips(std::size_t columns, std::size_t most_samples)
    : strips(strips_of(columns)), high(strips * kStrip * most_samples), low(strips * kStrip * most_samples) {}

void DigitStrips::resize(std::size_t samples_now) {
  samples = samples_now;
  const std::size_t last = (strips - 1) * kStrip * samples;
  std::fill_n(high.begin() + static_cast<std::ptrdiff_t>(last), kStrip * samples, 0.0);
  std::fill_n(low.begin() + static_cast<std::ptrdiff_t>(last), kStrip * samples, 0.0);
}

ProductSums::ProductSums(std::size_t left, std::size_t right, bool upper)
    : left_strips_(strips_of(left)),
      right_strips_(strips_of(right)),
      upper_(upper),
      begin_(left_strips_ + 1) {
  for (std::size_t s = 0; s < left_strips_; ++s) begin_[s + 1] = begin_[s] + kStrip * width(s);
  sums_.resize(begin_.back());
}

std::size_t ProductSums::offset(std::size_t i, std::size_t j) const {
  const std::size_t strip = i / kStrip;
  return begin_[strip] + i % kStrip * width(strip) + j - first_strip(strip) * kStrip;
}

void ProductSums::add_strip(const DigitStrips& left, const DigitStrips& right, std::size_t strip,
                            std::int64_t* workspace) {
  const std::size_t samples = left.samples, stride = samples * kStrip;
  for (std::size_t first = first_strip(strip); first < right_strips_; first += kPassStrips) {
    const std::size_t count = std::min(kPassStrips, right_strips_ - first);
    const std::size_t size = kStrip * count * kStrip;
    std::fill_n(workspace, 3 * size, 0);
    std::int64_t* part[3] = {workspace, workspace + size, workspace + 2 * size};
    const auto multiply = [&](const auto& l, const auto& r, std::int64_t* sums) {
      strip_products({l.data() + strip * stride, 1}, {r.data() + first * stride, count}, samples, kDigitBits,
                     false, sums);
    };
    multiply(left.high, right.high, part[2]);
    multiply(left.high, right.low, part[1]);
    multiply(left.low, right.high, part[1]);
    multiply(left.low, right.low, part[0]);
    for (std::size_t i = 0; i < kStrip; ++i) {
      Int128* to = sums_.data() + begin_[strip] + i * width(strip) + (first - first_strip(strip)) * kStrip;
      for (std::size_t j = 0; j < count * kStrip; ++j) {
        const std::size_t at = i * count * kStrip + j;
        to[j] +=
            (Int128{part[2][at]} << (2 * kDigitBits)) + (Int128{part[1][at]} << kDigitBits) + part[0][at];
      }
    }
  }
}

void ProductSums::add(const ProductSums& other) {
  for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += other.sums_[i];
}

}  // namespace heavykeys::detail
