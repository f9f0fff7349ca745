// Vector arithmetic of attention with one order of operations for every instruction set. Included once for
// each target of Highway by attention_kernels.cpp: no include guard of the usual kind.
#if defined(HEAVYKEYS_ATTENTION_MATH_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef HEAVYKEYS_ATTENTION_MATH_INL
#undef HEAVYKEYS_ATTENTION_MATH_INL
#else
#define HEAVYKEYS_ATTENTION_MATH_INL
#endif

#include <hwy/highway.h>

#include <cmath>
#include <cstddef>
#include <limits>

#include "lib/attention_constants.hpp"
#include "lib/attention_kernels.hpp"
#include "lib/fused-inl.h"

HWY_BEFORE_NAMESPACE();
namespace heavykeys::detail::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Tag = hn::ScalableTag<T>;
template <class T>
using V = hn::Vec<Tag<T>>;

template <class T>
HWY_INLINE V<T> Fma(V<T> a, V<T> b, V<T> c) {
  return Fused(Tag<T>(), a, b, c);
}

template <class T>
using Constants = AttentionConstants<T>;

inline constexpr double kInverseFactorial[] = {1.0,
                                               1.0,
                                               1.0 / 2,
                                               1.0 / 6,
                                               1.0 / 24,
                                               1.0 / 120,
                                               1.0 / 720,
                                               1.0 / 5040,
                                               1.0 / 40320,
                                               1.0 / 362880,
                                               1.0 / 3628800,
                                               1.0 / 39916800,
                                               1.0 / 479001600,
                                               1.0 / 6227020800.0};

/// e^x for x <= 0, to about an ulp; 0 below e^-87 (float32), e^-708.
template <class T>
HWY_INLINE V<T> Exp(V<T> x) {
  constexpr Tag<T> d;
  constexpr hn::RebindToSigned<Tag<T>> di;
  using C = Constants<T>;
  const auto in_range = hn::Ge(x, hn::Set(d, C::kLeastExponent));
  const V<T> y = hn::Max(x, hn::Set(d, C::kLeastExponent));
  const V<T> rounder = hn::Set(d, C::kRounder);
  const V<T> t = Fma<T>(y, hn::Set(d, static_cast<T>(1.4426950408889634074)), rounder);
  const V<T> n = hn::Sub(t, rounder);
  V<T> r = Fma<T>(n, hn::Set(d, -C::kLn2Hi), y);
  r = Fma<T>(n, hn::Set(d, -C::kLn2Lo), r);
  V<T> p = hn::Set(d, static_cast<T>(kInverseFactorial[C::kExpTerms]));
  for (int i = C::kExpTerms - 1; i >= 0; --i) {
    p = Fma<T>(p, r, hn::Set(d, static_cast<T>(kInverseFactorial[i])));
  }
  const auto power = hn::ShiftLeft<C::kMantissa>(hn::BitCast(di, t));
  return hn::IfThenElseZero(in_range, hn::BitCast(d, hn::Add(hn::BitCast(di, p), power)));
}

/// ln u for normal u > 0: u = 2^n m, m in [sqrt(1/2), sqrt 2), ln m = 2 artanh((m - 1) / (m + 1)).
template <class T>
HWY_INLINE V<T> Log(V<T> u) {
  constexpr Tag<T> d;
  constexpr hn::RebindToSigned<Tag<T>> di;
  using C = Constants<T>;
  using Int = typename C::Int;
  const auto bits = hn::BitCast(di, u);
  const auto above = hn::Sub(bits, hn::Set(di, static_cast<Int>(C::kRootHalf)));
  const auto n = hn::ShiftRight<C::kMantissa>(above);
  const auto rest = hn::And(above, hn::Set(di, (Int{1} << C::kMantissa) - 1));
  const V<T> m = hn::BitCast(d, hn::Add(rest, hn::Set(di, static_cast<Int>(C::kRootHalf))));
  // n as a float: small integers are exact in the low bits of kRounder.
  const V<T> rounder = hn::Set(d, C::kRounder);
  const V<T> e = hn::Sub(hn::BitCast(d, hn::Add(hn::BitCast(di, rounder), n)), rounder);
  const V<T> one = hn::Set(d, static_cast<T>(1));
  const V<T> s = hn::Div(hn::Sub(m, one), hn::Add(m, one));
  const V<T> z = hn::Mul(s, s);
  V<T> p = hn::Set(d, static_cast<T>(2.0 / (2 * C::kLogTerms + 1)));
  for (int i = C::kLogTerms - 1; i >= 1; --i) p = Fma<T>(p, z, hn::Set(d, static_cast<T>(2.0 / (2 * i + 1))));
  const V<T> tail = hn::Mul(hn::Mul(p, z), s);
  const V<T> low = Fma<T>(e, hn::Set(d, C::kLn2Lo), tail);
  return Fma<T>(e, hn::Set(d, C::kLn2Hi), hn::Add(hn::Add(s, s), low));
}

/// u^p, p >= 0, by squaring.
template <class T>
HWY_INLINE V<T> IntegerPower(V<T> u, int p) {
  constexpr Tag<T> d;
  V<T> result = hn::Set(d, static_cast<T>(1));
  for (; p > 0; p >>= 1) {
    if (p & 1) result = hn::Mul(result, u);
    if (p > 1) u = hn::Mul(u, u);
  }
  return result;
}

}  // namespace heavykeys::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
