// Powers of two in loops: what std::ldexp and std::ilogb say, bit for bit, without the calls. Those took a third
// of the time that leverage scores take.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace heavykeys::detail {

inline constexpr int kExponentBias = 1023, kFractionBits = 52;

/// value 2^exponent, rounded once; an exponent far outside the range of doubles makes 0 or infinity.
inline double scale_far(double value, std::int64_t exponent) {
  if (exponent > -kExponentBias && exponent <= kExponentBias) {
    const auto biased = static_cast<std::uint64_t>(exponent + kExponentBias);
    return value * std::bit_cast<double>(biased << kFractionBits);
  }
  return std::ldexp(value, static_cast<int>(std::clamp<std::int64_t>(exponent, -5000, 5000)));
}

/// floor(log2 |x|), x finite and not 0.
inline int binary_exponent(double x) {
  const auto biased = static_cast<int>(std::bit_cast<std::uint64_t>(x) >> kFractionBits & 0x7ff);
  return biased > 0 ? biased - kExponentBias : std::ilogb(x);
}

}  // namespace heavykeys::detail
