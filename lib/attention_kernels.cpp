// Products and scores of attention in Google Highway: this file is compiled once for each target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lib/attention_kernels.cpp"
#include "lib/attention_kernels.hpp"

#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>

#include "lib/attention_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace heavykeys::detail::HWY_NAMESPACE {

enum class Into { replace, add, rescale };

// Rows of c held in registers at once: 8 x 2 accumulators of 32 registers, or 4 x 2 of 16.
constexpr std::size_t kRows = HWY_LANES(float) >= 16 ? 8 : 4;

template <class T, std::size_t kHeld, std::size_t kVectors, Into into>
HWY_INLINE void Tile(const Product<T>& p, const T* a, const T* b, const T* factor, T* c, std::size_t ldc) {
  constexpr Tag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  V<T> acc[kHeld][kVectors];
  for (auto& row : acc) {
    for (auto& v : row) v = hn::Zero(d);
  }
  for (std::size_t k = 0; k < p.depth; ++k, a += p.step, b += p.ldb) {
    V<T> right[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) right[v] = hn::LoadU(d, b + v * lanes);
    for (std::size_t i = 0; i < kHeld; ++i) {
      const V<T> left = hn::Set(d, a[static_cast<std::ptrdiff_t>(i) * p.row]);
      for (std::size_t v = 0; v < kVectors; ++v) acc[i][v] = Fma<T>(left, right[v], acc[i][v]);
    }
  }
  for (std::size_t i = 0; i < kHeld; ++i) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      T* out = c + i * ldc + v * lanes;
      V<T> value = acc[i][v];
      if constexpr (into == Into::add) value = hn::Add(hn::LoadU(d, out), value);
      if constexpr (into == Into::rescale) {
        value = Fma<T>(hn::LoadU(d, out), hn::LoadU(d, factor + v * lanes), value);
      }
      hn::StoreU(value, d, out);
    }
  }
}

template <class T, std::size_t kVectors, Into into>
HWY_INLINE void Column(const Product<T>& p, std::size_t u, const T* factor, T* c, std::size_t ldc) {
  std::size_t i = 0;
  const T* b = p.b + u;
  const auto row = [&](std::size_t r) { return p.a + static_cast<std::ptrdiff_t>(r) * p.row; };
  const T* f = into == Into::rescale ? factor + u : nullptr;
  for (; i + kRows <= p.rows; i += kRows)
    Tile<T, kRows, kVectors, into>(p, row(i), b, f, c + i * ldc + u, ldc);
  for (; i + 2 <= p.rows; i += 2) Tile<T, 2, kVectors, into>(p, row(i), b, f, c + i * ldc + u, ldc);
  if (i < p.rows) Tile<T, 1, kVectors, into>(p, row(i), b, f, c + i * ldc + u, ldc);
}

template <class T, Into into>
HWY_INLINE void MultiplyInto(const Product<T>& p, const T* factor, T* c, std::size_t ldc) {
  const std::size_t lanes = hn::Lanes(Tag<T>());
  std::size_t u = 0;
  for (; u + 2 * lanes <= p.width; u += 2 * lanes) Column<T, 2, into>(p, u, factor, c, ldc);
  for (; u < p.width; u += lanes) Column<T, 1, into>(p, u, factor, c, ldc);
}

/// One score: unit, weight and slope, for vectors of queries. prepare() makes of a shift what the others
/// need.
template <class T, Term::Kind kKind>
struct Evaluate {
  static constexpr Tag<T> d{};
  const Term& f;

  /// x or |x|: what the shift is the greatest of.
  HWY_INLINE V<T> size(V<T> x) const { return kKind == Term::Kind::softmax ? x : hn::Abs(x); }

  HWY_INLINE V<T> prepare(V<T> shift) const {
    const V<T> one = hn::Set(d, static_cast<T>(1));
    if constexpr (kKind == Term::Kind::softmax || kKind == Term::Kind::polynomial) return shift;
    if constexpr (kKind == Term::Kind::expressive) return hn::Div(one, hn::Min(shift, one));
    return hn::Div(one, shift);
  }

  /// The old unit in terms of the new: exactly 1 where it stays, or every block would cost a rounding.
  HWY_INLINE V<T> ratio(V<T> before, V<T> after) const {
    const V<T> one = hn::Set(d, static_cast<T>(1));
    if constexpr (kKind == Term::Kind::softmax) return Exp<T>(hn::Sub(before, after));
    if constexpr (kKind == Term::Kind::polynomial) return one;
    if constexpr (kKind == Term::Kind::expressive) {
      const V<T> r = hn::Div(hn::Min(before, one), hn::Min(after, one));
      return hn::Mul(r, r);
    }
    return power_of(hn::Div(before, after));
  }

  /// u^p for 0 <= u <= 1 (a rounding above 1 does no harm).
  HWY_INLINE V<T> power_of(V<T> u) const {
    if constexpr (kKind == Term::Kind::power) return hn::Mul(IntegerPower<T>(u, f.power - 1), u);
    const auto normal = hn::Ge(u, hn::Set(d, Constants<T>::kLeastNormal));
    const V<T> logarithm = Log<T>(hn::IfThenElse(normal, u, hn::Set(d, static_cast<T>(1))));
    const V<T> y = hn::Min(hn::Mul(hn::Set(d, static_cast<T>(f.exponent)), logarithm), hn::Zero(d));
    return hn::IfThenElseZero(normal, Exp<T>(y));
  }

  HWY_INLINE V<T> weight(V<T> x, V<T> prepared) const {
    if constexpr (kKind == Term::Kind::softmax) return Exp<T>(hn::Sub(x, prepared));
    if constexpr (kKind == Term::Kind::power || kKind == Term::Kind::real_power) {
      return power_of(hn::Abs(hn::Mul(x, prepared)));
    }
    if constexpr (kKind == Term::Kind::expressive) {
      V<T> u, t;
      saturate(x, prepared, u, t);
      return hn::Mul(hn::Mul(u, u), t);
    }
    const V<T> square = hn::Mul(x, x);
    V<T> sum = hn::Set(d, static_cast<T>(f.coefficients[f.degree]));
    for (int i = f.degree - 1; i >= 0; --i) {
      sum = Fma<T>(sum, square, hn::Set(d, static_cast<T>(f.coefficients[i])));
    }
    return sum;
  }

  /// u = x / unit^(1/2), t = 1 / (1 + x^2); past `far` f is 1 to the last bit, and x^2 need not be formed.
  HWY_INLINE void saturate(V<T> x, V<T> prepared, V<T>& u, V<T>& t) const {
    const V<T> far = hn::Set(d, Constants<T>::kFar);
    const V<T> one = hn::Set(d, static_cast<T>(1));
    x = hn::Max(hn::Min(x, far), hn::Neg(far));
    u = hn::Mul(x, prepared);
    t = hn::Div(one, Fma<T>(x, x, one));
  }

  /// f'(x) / unit, with w = weight(x).
  HWY_INLINE V<T> slope(V<T> x, V<T> prepared, V<T> w) const {
    if constexpr (kKind == Term::Kind::softmax) return w;
    if constexpr (kKind == Term::Kind::power) {
      const V<T> u = hn::Mul(x, prepared);
      const V<T> p = hn::Set(d, static_cast<T>(f.power));
      const V<T> size = hn::Mul(hn::Mul(p, IntegerPower<T>(hn::Abs(u), f.power - 1)), prepared);
      return hn::IfThenZeroElse(hn::Eq(u, hn::Zero(d)), hn::CopySign(size, u));
    }
    if constexpr (kKind == Term::Kind::real_power) {
      const V<T> u = hn::Mul(x, prepared);
      const auto zero = hn::Eq(w, hn::Zero(d));
      const V<T> divisor = hn::IfThenElse(zero, hn::Set(d, static_cast<T>(1)), u);
      return hn::Mul(hn::Div(hn::Mul(hn::Set(d, static_cast<T>(f.exponent)), w), divisor), prepared);
    }
    if constexpr (kKind == Term::Kind::expressive) {
      V<T> u, t;
      saturate(x, prepared, u, t);
      return hn::Mul(hn::Mul(hn::Mul(hn::Add(u, u), t), t), prepared);
    }
    const V<T> square = hn::Mul(x, x);
    V<T> sum = hn::Set(d, static_cast<T>(2 * f.degree * f.coefficients[f.degree]));
    for (int i = f.degree - 1; i >= 1; --i) {
      sum = Fma<T>(sum, square, hn::Set(d, static_cast<T>(2 * i * f.coefficients[i])));
    }
    return hn::Mul(sum, x);
  }
};

/// body(k, serves) for every key k and the vector of queries at u; serves is a mask, or all true.
template <class T, class Body>
HWY_INLINE void ForKeys(const Strip<T>& s, std::size_t u, Body body) {
  constexpr Tag<T> d;
  if (s.from == nullptr) {
    const auto always = hn::Eq(hn::Zero(d), hn::Zero(d));
    for (std::size_t k = 0; k < s.keys; ++k) body(k, always);
    return;
  }
  const V<T> position = hn::LoadU(d, s.position + u);
  for (std::size_t k = 0; k < s.keys; ++k) {
    body(k, hn::And(hn::Le(hn::Set(d, s.from[k]), position), hn::Lt(position, hn::Set(d, s.until[k]))));
  }
}

template <class T, Term::Kind kKind>
void RaiseShift(const Term& f, const Strip<T>& s, T* shift, T* factor) {
  constexpr Tag<T> d;
  const Evaluate<T, kKind> e{f};
  for (std::size_t u = 0; u < s.width; u += hn::Lanes(d)) {
    const V<T> before = hn::LoadU(d, shift + u);
    V<T> top = before;
    ForKeys(s, u, [&](std::size_t k, auto serves) {
      const V<T> x = hn::LoadU(d, s.x + k * s.width + u);
      top = hn::IfThenElse(serves, hn::Max(top, e.size(x)), top);
    });
    hn::StoreU(top, d, shift + u);
    hn::StoreU(e.ratio(before, top), d, factor + u);
  }
}

template <class T, Term::Kind kKind>
void Weigh(const Term& f, const Strip<T>& s, const T* shift, T* sum) {
  constexpr Tag<T> d;
  const Evaluate<T, kKind> e{f};
  for (std::size_t u = 0; u < s.width; u += hn::Lanes(d)) {
    const V<T> prepared = e.prepare(hn::LoadU(d, shift + u));
    V<T> total = hn::Zero(d);
    ForKeys(s, u, [&](std::size_t k, auto serves) {
      T* x = s.x + k * s.width + u;
      const V<T> w = hn::IfThenElseZero(serves, e.weight(hn::LoadU(d, x), prepared));
      hn::StoreU(w, d, x);
      total = hn::Add(total, w);
    });
    hn::StoreU(total, d, sum + u);
  }
}

template <class T, Term::Kind kKind>
void WeighSlopes(const Term& f, const Strip<T>& s, const T* shift, const T* inverse, const T* mean,
                 T* slope) {
  constexpr Tag<T> d;
  const Evaluate<T, kKind> e{f};
  for (std::size_t u = 0; u < s.width; u += hn::Lanes(d)) {
    const V<T> prepared = e.prepare(hn::LoadU(d, shift + u));
    const V<T> scale = hn::LoadU(d, inverse + u);
    const V<T> m = hn::LoadU(d, mean + u);
    ForKeys(s, u, [&](std::size_t k, auto serves) {
      T* at = s.x + k * s.width + u;
      T* by_weight = slope + k * s.width + u;
      const V<T> x = hn::LoadU(d, at);
      const V<T> w = e.weight(x, prepared);
      const V<T> g = hn::Mul(hn::Mul(e.slope(x, prepared, w), scale), hn::Sub(hn::LoadU(d, by_weight), m));
      hn::StoreU(hn::IfThenElseZero(serves, hn::Mul(w, scale)), d, at);
      hn::StoreU(hn::IfThenElseZero(serves, g), d, by_weight);
    });
  }
}

/// Calls run with the kind of f as a type.
template <class Run>
HWY_INLINE void WithKind(Term::Kind kind, Run run) {
  using Kind = Term::Kind;
  switch (kind) {
    case Kind::softmax:
      return run(std::integral_constant<Kind, Kind::softmax>());
    case Kind::power:
      return run(std::integral_constant<Kind, Kind::power>());
    case Kind::real_power:
      return run(std::integral_constant<Kind, Kind::real_power>());
    case Kind::expressive:
      return run(std::integral_constant<Kind, Kind::expressive>());
    case Kind::polynomial:
      return run(std::integral_constant<Kind, Kind::polynomial>());
  }
}

// Highway's table holds plain functions: one for each type. T is a type, which parentheses would spoil.
// NOLINTBEGIN(bugprone-macro-parentheses)
#define HEAVYKEYS_ATTENTION_KERNELS(T, Suffix)                                                     \
  void Multiply##Suffix(const Product<T>& p, T* c, std::size_t ldc) {                              \
    MultiplyInto<T, Into::replace>(p, nullptr, c, ldc);                                            \
  }                                                                                                \
  void MultiplyAdd##Suffix(const Product<T>& p, T* c, std::size_t ldc) {                           \
    MultiplyInto<T, Into::add>(p, nullptr, c, ldc);                                                \
  }                                                                                                \
  void MultiplyRescaled##Suffix(const Product<T>& p, const T* factor, T* c, std::size_t ldc) {     \
    MultiplyInto<T, Into::rescale>(p, factor, c, ldc);                                             \
  }                                                                                                \
  void RaiseShift##Suffix(const Term& f, const Strip<T>& s, T* shift, T* factor) {                 \
    WithKind(f.kind, [&](auto kind) { RaiseShift<T, kind>(f, s, shift, factor); });                \
  }                                                                                                \
  void Weigh##Suffix(const Term& f, const Strip<T>& s, const T* shift, T* sum) {                   \
    WithKind(f.kind, [&](auto kind) { Weigh<T, kind>(f, s, shift, sum); });                        \
  }                                                                                                \
  void WeighSlopes##Suffix(const Term& f, const Strip<T>& s, const T* shift, const T* inverse,     \
                           const T* mean, T* slope) {                                              \
    WithKind(f.kind, [&](auto kind) { WeighSlopes<T, kind>(f, s, shift, inverse, mean, slope); }); \
  }
HEAVYKEYS_ATTENTION_KERNELS(float, F)
HEAVYKEYS_ATTENTION_KERNELS(double, D)
#undef HEAVYKEYS_ATTENTION_KERNELS
// NOLINTEND(bugprone-macro-parentheses)

}  // namespace heavykeys::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heavykeys::detail {

// NOLINTBEGIN(bugprone-macro-parentheses)
#define HEAVYKEYS_ATTENTION_DISPATCH(T, Suffix)                                                        \
  HWY_EXPORT(Multiply##Suffix);                                                                        \
  HWY_EXPORT(MultiplyAdd##Suffix);                                                                     \
  HWY_EXPORT(MultiplyRescaled##Suffix);                                                                \
  HWY_EXPORT(RaiseShift##Suffix);                                                                      \
  HWY_EXPORT(Weigh##Suffix);                                                                           \
  HWY_EXPORT(WeighSlopes##Suffix);                                                                     \
  template <>                                                                                          \
  void multiply(const Product<T>& p, T* c, std::size_t ldc) {                                          \
    HWY_DYNAMIC_DISPATCH(Multiply##Suffix)(p, c, ldc);                                                 \
  }                                                                                                    \
  template <>                                                                                          \
  void multiply_add(const Product<T>& p, T* c, std::size_t ldc) {                                      \
    HWY_DYNAMIC_DISPATCH(MultiplyAdd##Suffix)(p, c, ldc);                                              \
  }                                                                                                    \
  template <>                                                                                          \
  void multiply_rescaled(const Product<T>& p, const T* factor, T* c, std::size_t ldc) {                \
    HWY_DYNAMIC_DISPATCH(MultiplyRescaled##Suffix)(p, factor, c, ldc);                                 \
  }                                                                                                    \
  template <>                                                                                          \
  void raise_shift(const Term& f, const Strip<T>& s, T* shift, T* factor) {                            \
    HWY_DYNAMIC_DISPATCH(RaiseShift##Suffix)(f, s, shift, factor);                                     \
  }                                                                                                    \
  template <>                                                                                          \
  void weigh(const Term& f, const Strip<T>& s, const T* shift, T* sum) {                               \
    HWY_DYNAMIC_DISPATCH(Weigh##Suffix)(f, s, shift, sum);                                             \
  }                                                                                                    \
  template <>                                                                                          \
  void weigh_slopes(const Term& f, const Strip<T>& s, const T* shift, const T* inverse, const T* mean, \
                    T* slope) {                                                                        \
    HWY_DYNAMIC_DISPATCH(WeighSlopes##Suffix)(f, s, shift, inverse, mean, slope);                      \
  }
HEAVYKEYS_ATTENTION_DISPATCH(float, F)
HEAVYKEYS_ATTENTION_DISPATCH(double, D)
#undef HEAVYKEYS_ATTENTION_DISPATCH
// NOLINTEND(bugprone-macro-parentheses)

template <class T>
T least_shift(const Term& f) {
  if (f.kind == Term::Kind::softmax) return std::numeric_limits<T>::lowest();
  return static_cast<T>(sizeof(T) == 4 ? 0x1p-100 : 0x1p-900);
}
template float least_shift<float>(const Term&);
template double least_shift<double>(const Term&);

}  // namespace heavykeys::detail
#endif
