// The scan's loops in Google Highway: this file is compiled once for each target by foreach_target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lib/scan_kernels.cpp"
#include "lib/scan_kernels.hpp"

#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace heavykeys::detail::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// At most eight lanes, so that whole groups are whole vectors.
constexpr hn::CappedTag<double, kLaneGroup> kD;
constexpr hn::RebindToSigned<decltype(kD)> kL;
using VD = hn::Vec<decltype(kD)>;

constexpr double kMarked = 0x1p-10;  // relative errors above this are not linear any more
constexpr double kUp = 1.0 + 0x1p-8;

HWY_INLINE VD Number(double v) { return hn::Set(kD, v); }

/// a b - p for p = fl(a b), exactly: by a fused multiply where there is one, else by Dekker's splitting.
HWY_INLINE VD ProductError(VD a, VD b, VD p) {
#if HWY_NATIVE_FMA
  return hn::MulSub(a, b, p);
#else
  const VD splitter = Number(0x1p27 + 1.0);
  const VD ta = hn::Mul(splitter, a), tb = hn::Mul(splitter, b);
  const VD ah = hn::Sub(ta, hn::Sub(ta, a)), bh = hn::Sub(tb, hn::Sub(tb, b));
  const VD al = hn::Sub(a, ah), bl = hn::Sub(b, bh);
  const VD rest = hn::Sub(hn::Sub(hn::Sub(p, hn::Mul(ah, bh)), hn::Mul(al, bh)), hn::Mul(ah, bl));
  return hn::Sub(hn::Mul(al, bl), rest);
#endif
}

/// a + b - s for s = fl(a + b), exactly (Knuth).
HWY_INLINE VD SumError(VD a, VD b, VD s) {
  const VD bb = hn::Sub(s, a);
  return hn::Add(hn::Sub(a, hn::Sub(s, bb)), hn::Sub(b, bb));
}

void DotProductsTwice(const double* query, std::size_t dim, const double* keys, std::size_t ld, double* hi,
                      double* lo, double* size) {
  const std::size_t lanes = hn::Lanes(kD);
  for (std::size_t u = 0; u < ld; u += lanes) {
    VD sum = hn::Zero(kD), low = hn::Zero(kD), absolute = hn::Zero(kD);
    for (std::size_t i = 0; i < dim; ++i) {
      const VD q = Number(query[i]), k = hn::LoadU(kD, keys + i * ld + u);
      const VD p = hn::Mul(q, k);
      const VD s = hn::Add(sum, p);
      low = hn::Add(low, hn::Add(ProductError(q, k, p), SumError(sum, p, s)));
      absolute = hn::Add(absolute, hn::Abs(p));
      sum = s;
    }
    const VD whole = hn::Add(sum, low);
    hn::StoreU(whole, kD, hi + u);
    hn::StoreU(SumError(sum, low, whole), kD, lo + u);
    hn::StoreU(absolute, kD, size + u);
  }
}

struct Power {
  int halves;
  HWY_INLINE VD operator()(VD x) const {
    VD result = (halves & 1) != 0 ? hn::Sqrt(x) : Number(1.0);
    VD square = x;
    for (int p = halves >> 1; p != 0; p >>= 1) {
      if ((p & 1) != 0) result = hn::Mul(result, square);
      if (p > 1) square = hn::Mul(square, square);
    }
    return result;
  }
};

struct Square {
  HWY_INLINE VD operator()(VD x) const { return hn::Mul(x, x); }
};

struct Polynomial {
  const double* c;
  HWY_INLINE VD operator()(VD x) const {
    const VD y = hn::Mul(x, x);
    VD sum = Number(c[4]);
    for (int i = 4; i-- > 0;) sum = hn::Add(hn::Mul(sum, y), Number(c[i]));
    return sum;
  }
};

struct Expressive {
  HWY_INLINE VD operator()(VD x) const {
    // y = min(x, 1/x) never overflows when squared; f = y^2 / (1 + y^2) below 1, 1 / (1 + y^2) above.
    const VD one = Number(1.0);
    const auto large = hn::Gt(x, one);
    const VD y = hn::IfThenElse(large, hn::Div(one, x), x);
    const VD square = hn::Mul(y, y);
    return hn::Div(hn::IfThenElse(large, one, square), hn::Add(one, square));
  }
};

template <class F>
HWY_INLINE void EvenLoop(const F& f, const EvenTerm& t, const double* x, const double* e, std::size_t n,
                         double* term, double* error) {
  const VD growth = Number(t.growth), marked = Number(kMarked), up = Number(kUp);
  for (std::size_t u = 0; u < n; u += hn::Lanes(kD)) {
    const VD at = hn::Abs(hn::LoadU(kD, x + u)), radius = hn::LoadU(kD, e + u);
    const VD value = f(at);
    // f(x (1 + r)) <= f(x) (1 + r)^growth, and likewise below: linear while growth r is small.
    const VD change = hn::Mul(growth, radius);
    const auto small = hn::Le(change, hn::Mul(marked, at));
    const VD relative = hn::Div(change, hn::Max(at, Number(0x1p-1000)));
    VD wrong = hn::Mul(value, hn::Add(hn::Mul(relative, up), Number(t.rounding)));
    if (HWY_UNLIKELY(!hn::AllTrue(kD, small))) {
      wrong = hn::IfThenElse(small, wrong, hn::Mul(f(hn::Add(at, radius)), up));
    }
    hn::StoreU(value, kD, term + u);
    hn::StoreU(wrong, kD, error + u);
  }
}

void EvenTerms(const EvenTerm& f, const double* x, const double* e, std::size_t n, double* term,
               double* error) {
  switch (f.kind) {
    case EvenTerm::Kind::power:
      if (f.halves == 4) return EvenLoop(Square{}, f, x, e, n, term, error);
      return EvenLoop(Power{f.halves}, f, x, e, n, term, error);
    case EvenTerm::Kind::polynomial:
      return EvenLoop(Polynomial{f.coefficients}, f, x, e, n, term, error);
    case EvenTerm::Kind::expressive:
      return EvenLoop(Expressive{}, f, x, e, n, term, error);
  }
}

double Logits(double scale, Shift shift, const double* x, const double* lo, const double* e, std::size_t n,
              double* t, double* rest, double* radius) {
  const VD s = Number(scale), size = Number(std::fabs(scale) * (1.0 + 0x1p-40));
  const VD m = Number(shift.hi), m_lo = Number(shift.lo), unit = Number(lo == nullptr ? 0x1p-52 : 0x1p-99);
  VD greatest = Number(-std::numeric_limits<double>::infinity());
  for (std::size_t u = 0; u < n; u += hn::Lanes(kD)) {
    const VD at = hn::LoadU(kD, x + u);
    const VD y = hn::Mul(s, at);
    const VD d = hn::Sub(y, m);
    VD exponent, remainder;
    if (lo == nullptr) {
      exponent = hn::Sub(d, m_lo);
      remainder = hn::Zero(kD);
    } else {  // the roundings of y and d, and both low parts, are put back
      const VD below = hn::Sub(hn::Add(ProductError(s, at, y), hn::Mul(s, hn::LoadU(kD, lo + u))), m_lo);
      const VD tail = hn::Add(SumError(y, hn::Sub(hn::Zero(kD), m), d), below);
      exponent = hn::Add(d, tail);
      remainder = SumError(d, tail, exponent);
    }
    const VD wrong = hn::Mul(hn::Add(hn::Abs(y), hn::Abs(d)), unit);
    hn::StoreU(exponent, kD, t + u);
    hn::StoreU(remainder, kD, rest + u);
    hn::StoreU(hn::Add(hn::Mul(size, hn::LoadU(kD, e + u)), wrong), kD, radius + u);
    greatest = hn::Max(greatest, exponent);
  }
  return hn::GetLane(hn::MaxOfLanes(kD, greatest));
}

/// exp(x), relative error <= 2^-51 for -745 < x < 709; 0 below. The same bits on every target.
HWY_INLINE VD Exp(VD x) {
  const VD bounded = hn::Max(hn::Min(x, Number(709.0)), Number(-746.0));
  const VD q = hn::Round(hn::Mul(bounded, Number(0x1.71547652b82fep0)));
  // ln 2 in two parts, the first of 32 bits: q times it is exact, and r = x - q ln 2, |r| <= 0.3466.
  VD r = hn::Sub(bounded, hn::Mul(q, Number(0x1.62e42feep-1)));
  r = hn::Sub(r, hn::Mul(q, Number(0x1.a39ef35793c76p-33)));
  // Taylor to r^13 (rest below 2^-58), in pairs so that the multiplications need not wait for each other.
  const VD r2 = hn::Mul(r, r), r4 = hn::Mul(r2, r2), r8 = hn::Mul(r4, r4);
  const auto pair = [&](double a, double b) { return hn::Add(hn::Mul(r, Number(b)), Number(a)); };
  const VD a = hn::Add(hn::Mul(pair(1.0 / 24, 1.0 / 120), r2), pair(1.0 / 2, 1.0 / 6));
  const VD b = hn::Add(hn::Mul(pair(1.0 / 40320, 1.0 / 362880), r2), pair(1.0 / 720, 1.0 / 5040));
  const VD c =
      hn::Add(hn::Mul(pair(1.0 / 479001600, 1.0 / 6227020800.0), r2), pair(1.0 / 3628800, 1.0 / 39916800));
  const VD high = hn::Add(hn::Add(hn::Mul(c, r8), hn::Mul(b, r4)), a);
  const VD value = hn::Add(hn::Add(hn::Mul(high, r2), r), Number(1.0));
  // 2^q in two factors: q may be below the range of exponents.
  const auto whole = hn::ConvertTo(kL, q);
  const auto half = hn::ShiftRight<1>(whole);
  const auto power = [](auto e) { return hn::BitCast(kD, hn::ShiftLeft<52>(hn::Add(e, hn::Set(kL, 1023)))); };
  return hn::Mul(hn::Mul(value, power(half)), power(hn::Sub(whole, half)));
}

void ExpTerms(const double* t, const double* rest, const double* radius, std::size_t n, double* term,
              double* error) {
  for (std::size_t u = 0; u < n; u += hn::Lanes(kD)) {
    const VD at = hn::LoadU(kD, t + u), r = hn::LoadU(kD, radius + u);
    const VD plain = Exp(at);
    const VD value = hn::Add(plain, hn::Mul(plain, hn::LoadU(kD, rest + u)));
    VD wrong = hn::Mul(value, hn::Add(hn::Mul(r, Number(kUp)), Number(0x1p-50)));
    const auto small = hn::Le(r, Number(kMarked));
    if (HWY_UNLIKELY(!hn::AllTrue(kD, small))) {
      const VD top = hn::Add(at, r);
      const VD worst =
          hn::IfThenElse(hn::Gt(top, Number(700.0)), Number(0x1p1022), hn::Mul(Exp(top), Number(kUp)));
      wrong = hn::IfThenElse(small, wrong, worst);
    }
    hn::StoreU(value, kD, term + u);
    hn::StoreU(wrong, kD, error + u);
  }
}

TermSums SumTerms(const double* term, const double* error, std::size_t n) {
  constexpr std::size_t kVectors = kLaneGroup;  // room for one-lane vectors
  const std::size_t lanes = hn::Lanes(kD), vectors = kLaneGroup / lanes;
  double group[2 * kLaneGroup] = {};
  VD terms[kVectors], errors[kVectors];
  for (std::size_t v = 0; v < vectors; ++v) terms[v] = errors[v] = hn::Zero(kD);
  for (std::size_t u = 0; u < n; u += kLaneGroup) {
    for (std::size_t v = 0; v < vectors; ++v) {
      terms[v] = hn::Add(terms[v], hn::LoadU(kD, term + u + v * lanes));
      errors[v] = hn::Add(errors[v], hn::LoadU(kD, error + u + v * lanes));
    }
  }
  for (std::size_t v = 0; v < vectors; ++v) {
    hn::StoreU(terms[v], kD, group + v * lanes);
    hn::StoreU(errors[v], kD, group + kLaneGroup + v * lanes);
  }
  TermSums total;
  for (std::size_t g = 0; g < kLaneGroup; ++g) {
    total.term += group[g];
    total.error += group[kLaneGroup + g];
  }
  return total;
}

bool AllKnown(const double* term, const double* error, std::size_t n, double needed, double tolerance) {
  const VD least = Number(needed), factor = Number(tolerance);
  auto unknown = hn::Lt(least, least);  // none
  for (std::size_t u = 0; u < n; u += hn::Lanes(kD)) {
    const VD value = hn::LoadU(kD, term + u), wrong = hn::LoadU(kD, error + u);
    unknown =
        hn::Or(unknown, hn::And(hn::Ge(hn::Add(value, wrong), least), hn::Gt(wrong, hn::Mul(value, factor))));
  }
  return hn::AllFalse(kD, unknown);
}

void ScaleProducts(const double* products, const double* norms, std::size_t n, double factor, double unit,
                   double* x, double* e) {
  const VD f = Number(factor), r = Number(unit);
  for (std::size_t u = 0; u < n; u += hn::Lanes(kD)) {
    hn::StoreU(hn::Mul(hn::LoadU(kD, products + u), f), kD, x + u);
    hn::StoreU(hn::Mul(hn::LoadU(kD, norms + u), r), kD, e + u);
  }
}

Extremes FindExtremes(const double* x, std::size_t n) {
  Extremes found = {x[0], x[0]};
  const std::size_t lanes = hn::Lanes(kD);
  std::size_t u = 0;
  if (n >= lanes) {
    VD least = hn::LoadU(kD, x), greatest = least;
    for (u = lanes; u + lanes <= n; u += lanes) {
      least = hn::Min(least, hn::LoadU(kD, x + u));
      greatest = hn::Max(greatest, hn::LoadU(kD, x + u));
    }
    found = {hn::GetLane(hn::MinOfLanes(kD, least)), hn::GetLane(hn::MaxOfLanes(kD, greatest))};
  }
  for (; u < n; ++u) found = {std::min(found.least, x[u]), std::max(found.greatest, x[u])};
  return found;
}

}  // namespace heavykeys::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heavykeys::detail {

HWY_EXPORT(DotProductsTwice);
HWY_EXPORT(EvenTerms);
HWY_EXPORT(Logits);
HWY_EXPORT(ExpTerms);
HWY_EXPORT(SumTerms);
HWY_EXPORT(AllKnown);
HWY_EXPORT(ScaleProducts);
HWY_EXPORT(FindExtremes);

void dot_products_twice(const double* query, std::size_t dim, const double* keys, std::size_t ld, double* hi,
                        double* lo, double* size) {
  HWY_DYNAMIC_DISPATCH(DotProductsTwice)(query, dim, keys, ld, hi, lo, size);
}
void even_terms(const EvenTerm& f, const double* x, const double* e, std::size_t n, double* term,
                double* error) {
  HWY_DYNAMIC_DISPATCH(EvenTerms)(f, x, e, n, term, error);
}
double logits(double scale, Shift shift, const double* x, const double* lo, const double* e, std::size_t n,
              double* t, double* rest, double* radius) {
  return HWY_DYNAMIC_DISPATCH(Logits)(scale, shift, x, lo, e, n, t, rest, radius);
}
void exp_terms(const double* t, const double* rest, const double* radius, std::size_t n, double* term,
               double* error) {
  HWY_DYNAMIC_DISPATCH(ExpTerms)(t, rest, radius, n, term, error);
}
TermSums sum_terms(const double* term, const double* error, std::size_t n) {
  return HWY_DYNAMIC_DISPATCH(SumTerms)(term, error, n);
}
bool all_known(const double* term, const double* error, std::size_t n, double needed, double tolerance) {
  return HWY_DYNAMIC_DISPATCH(AllKnown)(term, error, n, needed, tolerance);
}
void scale_products(const double* products, const double* norms, std::size_t n, double factor, double unit,
                    double* x, double* e) {
  HWY_DYNAMIC_DISPATCH(ScaleProducts)(products, norms, n, factor, unit, x, e);
}
Extremes extremes(const double* x, std::size_t n) { return HWY_DYNAMIC_DISPATCH(FindExtremes)(x, n); }

}  // namespace heavykeys::detail
#endif
