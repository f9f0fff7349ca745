// Two's-complement integers of a fixed number of 64-bit limbs, least significant first.
// The arithmetic under the exact Gram matrix: addition is exact, associative, commutative.
#pragma once

#include <cstdint>

namespace heavykeys::detail {

using Limb = std::uint64_t;

/// -1 or 0, the limb that continues a number of this many limbs upwards.
inline Limb sign_extension(const Limb* a, int limbs) {
  return static_cast<Limb>(static_cast<std::int64_t>(a[limbs - 1]) >> 63);
}

/// dst += src << shift, shift >= 0. The caller knows that the sum fits `dst_limbs`.
inline void add_shifted(Limb* dst, int dst_limbs, const Limb* src, int src_limbs, int shift) {
  const int skip = shift / 64;
  const int bits = shift % 64;
  const Limb sign = sign_extension(src, src_limbs);
  Limb below = 0;
  unsigned char carry = 0;
  for (int i = skip; i < dst_limbs; ++i) {
    const int s = i - skip;
    const Limb at = s < src_limbs ? src[s] : sign;
    const Limb part = bits == 0 ? at : (at << bits) | (below >> (64 - bits));
    below = at;
    const Limb sum = dst[i] + part;
    const Limb out = sum + carry;
    carry = static_cast<unsigned char>((sum < part) | (out < sum));
    dst[i] = out;
  }
}

/// a = |a|; true when a was negative.
inline bool take_magnitude(Limb* a, int limbs) {
  if (sign_extension(a, limbs) == 0) return false;
  Limb carry = 1;
  for (int i = 0; i < limbs; ++i) {
    a[i] = ~a[i] + carry;
    carry = carry & static_cast<Limb>(a[i] == 0);
  }
  return true;
}

/// Number of bits of an unsigned magnitude; 0 for zero.
inline int bit_length(const Limb* a, int limbs) {
  for (int i = limbs - 1; i >= 0; --i) {
    if (a[i] != 0) return 64 * i + 64 - __builtin_clzll(a[i]);
  }
  return 0;
}

}  // namespace heavykeys::detail
