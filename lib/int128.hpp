// 128-bit integers, and how they are rounded.
#pragma once

#include "lib/double_double.hpp"
#include "lib/powers_of_two.hpp"

namespace heavykeys::detail {

using Int128 = __int128;

/// v 2^exponent in double-double: relative error < 2^-105. exponent such that neither half leaves float64.
inline DoubleDouble scaled(Int128 v, int exponent) {
  const double hi = static_cast<double>(v);
  // 2^127 itself is no Int128; |v| is below it by far more than a rounding (covariance.hpp: at most 2^126).
  const double lo = static_cast<double>(v - static_cast<Int128>(hi));
  return {scale_far(hi, exponent), scale_far(lo, exponent)};
}

}  // namespace heavykeys::detail
