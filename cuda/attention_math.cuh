// The scores of attention, one at a time: lib/attention_math-inl.h and lib/attention_kernels.cpp, operation
// by operation, so that every bit is theirs. tests/cuda compares them.
#pragma once

#include "cuda/portable.cuh"
#include "lib/attention_constants.hpp"
#include "lib/attention_kernels.hpp"

namespace heavykeys::cuda::detail {

using heavykeys::detail::Term;

/// A Term in the type it is evaluated in.
template <class T>
struct TermOf {
  Term::Kind kind = Term::Kind::softmax;
  int power = 2;
  int degree = 0;
  T exponent = 2;
  T least_shift = 0;
  T coefficients[9] = {};
  T slopes[9] = {};  ///< 2 i c_i
};

template <class T>
using Constants = heavykeys::detail::AttentionConstants<T>;

template <class T>
HEAVYKEYS_DEVICE typename Constants<T>::Bits bits_of(T x) {
  return __builtin_bit_cast(typename Constants<T>::Bits, x);
}

/// e^x for x <= 0; 0 below e^-87 (float32), e^-708.
template <class T>
HEAVYKEYS_DEVICE T exponential(T x) {
  using C = Constants<T>;
  const double inverse_factorial[] = {1.0,
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
  const T y = greatest(x, C::kLeastExponent);
  const T t = fused(y, static_cast<T>(1.4426950408889634074), C::kRounder);
  const T n = t - C::kRounder;
  T r = fused(n, -C::kLn2Hi, y);
  r = fused(n, -C::kLn2Lo, r);
  T p = static_cast<T>(inverse_factorial[C::kExpTerms]);
  HEAVYKEYS_UNROLL
  for (int i = C::kExpTerms - 1; i >= 0; --i) p = fused(p, r, static_cast<T>(inverse_factorial[i]));
  const typename C::Bits scaled = bits_of(p) + (bits_of(t) << C::kMantissa);
  return x >= C::kLeastExponent ? __builtin_bit_cast(T, scaled) : static_cast<T>(0);
}

/// ln u for normal u > 0.
template <class T>
HEAVYKEYS_DEVICE T logarithm(T u) {
  using C = Constants<T>;
  using Bits = typename C::Bits;
  const Bits above = bits_of(u) - C::kRootHalf;
  const Bits n = static_cast<Bits>(static_cast<typename C::Int>(above) >> C::kMantissa);
  const Bits rest = above & ((Bits{1} << C::kMantissa) - 1);
  const T m = __builtin_bit_cast(T, static_cast<Bits>(rest + C::kRootHalf));
  const T e = __builtin_bit_cast(T, static_cast<Bits>(bits_of(C::kRounder) + n)) - C::kRounder;
  const T one = 1;
  const T s = (m - one) / (m + one);
  const T z = s * s;
  T p = static_cast<T>(2.0 / (2 * C::kLogTerms + 1));
  HEAVYKEYS_UNROLL
  for (int i = C::kLogTerms - 1; i >= 1; --i) p = fused(p, z, static_cast<T>(2.0 / (2 * i + 1)));
  const T tail = p * z * s;
  const T low = fused(e, C::kLn2Lo, tail);
  return fused(e, C::kLn2Hi, (s + s) + low);
}

/// u^p, p >= 0, by squaring.
template <class T>
HEAVYKEYS_DEVICE T integer_power(T u, int p) {
  T result = 1;
  for (; p > 0; p >>= 1) {
    if (p & 1) result = result * u;
    if (p > 1) u = u * u;
  }
  return result;
}

template <class T>
HEAVYKEYS_DEVICE T magnitude(T x) {
  using Bits = typename Constants<T>::Bits;
  return __builtin_bit_cast(T, static_cast<Bits>(bits_of(x) & (~Bits{0} >> 1)));
}

template <class T>
HEAVYKEYS_DEVICE T with_sign_of(T size, T sign) {
  using Bits = typename Constants<T>::Bits;
  constexpr Bits kSign = ~(~Bits{0} >> 1);
  return __builtin_bit_cast(T, static_cast<Bits>((bits_of(size) & ~kSign) | (bits_of(sign) & kSign)));
}

/// One score: unit, weight and slope. prepare() makes of a shift what the others need.
template <class T>
struct Evaluate {
  const TermOf<T>& f;

  /// x or |x|: what the shift is the greatest of.
  HEAVYKEYS_DEVICE T size(T x) const { return f.kind == Term::Kind::softmax ? x : magnitude(x); }

  HEAVYKEYS_DEVICE T prepare(T shift) const {
    const T one = 1;
    if (f.kind == Term::Kind::softmax || f.kind == Term::Kind::polynomial) return shift;
    return one / (f.kind == Term::Kind::expressive ? least(shift, one) : shift);
  }

  /// The old unit in terms of the new: exactly 1 where it stays.
  HEAVYKEYS_DEVICE T ratio(T before, T after) const {
    const T one = 1;
    switch (f.kind) {
      case Term::Kind::softmax:
        return exponential(before - after);
      case Term::Kind::polynomial:
        return one;
      case Term::Kind::expressive: {
        const T r = least(before, one) / least(after, one);
        return r * r;
      }
      default:
        return power_of(before / after);
    }
  }

  /// u^p for 0 <= u <= 1 (a rounding above 1 does no harm).
  HEAVYKEYS_DEVICE T power_of(T u) const {
    if (f.kind == Term::Kind::power) return integer_power(u, f.power - 1) * u;
    if (!(u >= Constants<T>::kLeastNormal)) return 0;
    return exponential(least(f.exponent * logarithm(u), static_cast<T>(0)));
  }

  HEAVYKEYS_DEVICE T weight(T x, T prepared) const {
    switch (f.kind) {
      case Term::Kind::softmax:
        return exponential(x - prepared);
      case Term::Kind::expressive: {
        T u, t;
        saturate(x, prepared, u, t);
        return u * u * t;
      }
      case Term::Kind::polynomial: {
        const T square = x * x;
        T sum = f.coefficients[f.degree];
        for (int i = f.degree - 1; i >= 0; --i) sum = fused(sum, square, f.coefficients[i]);
        return sum;
      }
      default:
        return power_of(magnitude(x * prepared));
    }
  }

  /// u = x / unit^(1/2), t = 1 / (1 + x^2); past kFar f is 1 to the last bit, and x^2 need not be formed.
  HEAVYKEYS_DEVICE void saturate(T x, T prepared, T& u, T& t) const {
    const T far = Constants<T>::kFar, one = 1;
    x = greatest(least(x, far), -far);
    u = x * prepared;
    t = one / fused(x, x, one);
  }

  /// f'(x) / unit, with w = weight(x).
  HEAVYKEYS_DEVICE T slope(T x, T prepared, T w) const {
    switch (f.kind) {
      case Term::Kind::softmax:
        return w;
      case Term::Kind::power: {
        const T u = x * prepared;
        const T size = static_cast<T>(f.power) * integer_power(magnitude(u), f.power - 1) * prepared;
        return u == static_cast<T>(0) ? static_cast<T>(0) : with_sign_of(size, u);
      }
      case Term::Kind::real_power: {
        const T u = x * prepared;
        return f.exponent * w / (w == static_cast<T>(0) ? static_cast<T>(1) : u) * prepared;
      }
      case Term::Kind::expressive: {
        T u, t;
        saturate(x, prepared, u, t);
        return (u + u) * t * t * prepared;
      }
      default: {
        const T square = x * x;
        T sum = f.slopes[f.degree];
        for (int i = f.degree - 1; i >= 1; --i) sum = fused(sum, square, f.slopes[i]);
        return sum * x;
      }
    }
  }
};

}  // namespace heavykeys::cuda::detail
