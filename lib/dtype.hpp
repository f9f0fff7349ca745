// 16-bit floating point; every conversion to float is exact.
#pragma once

#include <cstdint>

namespace heavykeys::detail {

float half_to_float(std::uint16_t bits);

inline float bfloat16_to_float(std::uint16_t bits) {
  const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16;
  return __builtin_bit_cast(float, wide);
}

/// The nearest, ties to even; past the greatest: infinite. NaN stays NaN.
std::uint16_t half_from_float(float value);
std::uint16_t bfloat16_from_float(float value);

}  // namespace heavykeys::detail
