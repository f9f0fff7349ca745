#include "lib/scan_sum.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace heavykeys::detail {

namespace {

constexpr int kLimbBits = 64, kMantissaBits = 53;

/// to += value 2^shift, 0 <= shift < kBinBits.
void add_at(Limb* to, Limb value, int shift) {
  const int bits = shift % kLimbBits;
  Limb part = value << bits, above = bits == 0 ? 0 : value >> (kLimbBits - bits);
  for (int i = shift / kLimbBits; i < ScanSum::kLimbs && (part | above) != 0; ++i) {
    to[i] += part;
    const Limb carry = to[i] < part ? 1 : 0;
    part = above + carry;  // no overflow: `above` is less than 2^53, then 0
    above = 0;
  }
}

/// value = mantissa 2^(exponent - kMantissaBits), the mantissa of kMantissaBits bits; value > 0, finite.
struct Parts {
  Limb mantissa = 0;
  int exponent = 0;
};
Parts parts_of(double value) {
  constexpr Limb kHidden = Limb{1} << (kMantissaBits - 1);
  const auto bits = std::bit_cast<Limb>(value);
  const auto biased = static_cast<int>(bits >> (kMantissaBits - 1));
  if (biased > 0) return {(bits & (kHidden - 1)) | kHidden, biased - 1022};
  int exponent = 0;  // subnormal
  const double fraction = std::frexp(value, &exponent);
  return {static_cast<Limb>(std::ldexp(fraction, kMantissaBits)), exponent};
}

void add_bin(Limb* to, const Limb* from) { add_shifted(to, ScanSum::kLimbs, from, ScanSum::kLimbs, 0); }

}  // namespace

void ScanSum::raise(std::int64_t bin) {
  if (bin == top_) return;
  const bool next = !empty() && bin == top_ + 1;
  for (int i = 0; i < kLimbs; ++i) {
    words_[i] = next ? words_[i + kLimbs] : 0;
    words_[i + kLimbs] = 0;
  }
  top_ = bin;
}

void ScanSum::add(double value, std::int64_t unit) {
  if (!(value > 0.0)) return;
  const auto [mantissa, exponent] = parts_of(value);
  const std::int64_t place = unit + exponent, bin = place >> 7;
  static_assert(kBinBits == 1 << 7);
  if (bin > top_) raise(bin);
  if (bin < top_ - 1) return;
  add_at(words_.data() + (bin == top_ ? kLimbs : 0), mantissa, static_cast<int>(place - bin * kBinBits));
}

void ScanSum::add(const ScanSum& other) {
  if (other.empty()) return;
  if (other.top_ > top_) raise(other.top_);
  const std::int64_t below = top_ - other.top_;
  if (below > 1) return;
  add_bin(words_.data() + (below == 0 ? kLimbs : 0), other.words_.data() + kLimbs);
  if (below == 0) add_bin(words_.data(), other.words_.data());
}

double ScanSum::rounded(std::int64_t unit, int up) const {
  // Both bins as one integer: the upper begins two limbs above the lower.
  constexpr int kShift = kBinBits / kLimbBits, kAll = kLimbs + kShift;
  Limb all[kAll] = {};
  std::copy_n(words_.data(), kLimbs, all);
  add_shifted(all + kShift, kLimbs, words_.data() + kLimbs, kLimbs, 0);
  int high = kAll - 1;
  while (high >= 0 && all[high] == 0) --high;
  if (high < 0) return 0.0;
  const int zeros = std::countl_zero(all[high]);
  Limb leading = all[high] << zeros;
  if (zeros > 0 && high > 0) leading |= all[high - 1] >> (kLimbBits - zeros);
  constexpr int kRest = kLimbBits - kMantissaBits;
  const auto mantissa = static_cast<double>(static_cast<std::int64_t>(leading >> kRest) + up);
  const std::int64_t exponent = (top_ - 1) * kBinBits - kMantissaBits + high * kLimbBits - zeros + kRest;
  return scale_far(mantissa, exponent - unit);
}

}  // namespace heavykeys::detail
