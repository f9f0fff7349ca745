// What integer products are worth: float32 exponentials, and which products are large. In Google Highway:
// compiled once for each target by foreach_target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lib/coarse_sums.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "lib/coarse_kernels.hpp"
#include "lib/fused-inl.h"

HWY_BEFORE_NAMESPACE();
namespace heavykeys::detail::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr std::size_t kGroup = 16;  // terms that are added up side by side, on every target

constexpr hn::CappedTag<float, kGroup> kF;
constexpr hn::RebindToSigned<decltype(kF)> kI;
using VF = hn::Vec<decltype(kF)>;
using VI = hn::Vec<decltype(kI)>;

HWY_INLINE VF Single(float v) { return hn::Set(kF, v); }

HWY_INLINE std::int32_t CoarseTop(const std::int32_t* products, std::size_t n) {
  const std::size_t lanes = hn::Lanes(kI);
  const VI least = hn::Set(kI, std::numeric_limits<std::int32_t>::min());
  VI top = least;
  for (std::size_t u = 0; u < n; u += lanes) {
    const VI x = hn::LoadU(kI, products + u);
    top = hn::Max(top, n - u >= lanes ? x : hn::IfThenElse(hn::FirstN(kI, n - u), x, least));
  }
  return hn::GetLane(hn::MaxOfLanes(kI, top));
}

/// As CoarseTerm says. The polynomial is that of least relative error on [-1/2, 1/2] (2^-18.5); the nearest
/// integer to the exponent is a power of two.
template <bool kFar>
struct TermOf {
  explicit TermOf(const CoarseTerm& query) : factor(Single(query.factor)), down(Single(-query.unit)) {}
  HWY_INLINE VF operator()(const std::int32_t* product) const {
    const VF x = hn::ConvertTo(kF, hn::LoadU(kI, product));
    const VF magic = Single(0x1.8p23f);  // what is added to it ends with the nearest integer in its last bits
    VF shifted, f;
    if constexpr (kFar) {
      const VF y = hn::Max(Fused(kF, x, factor, down), Single(-static_cast<float>(kCoarseExponent)));
      shifted = hn::Add(y, magic);
      f = hn::Sub(y, hn::Sub(shifted, magic));
    } else {
      shifted = Fused(kF, x, factor, magic);
      f = Fused(kF, x, factor, hn::Sub(magic, shifted));
    }
    VF p = Fused(kF, f, Single(0x1.3997d6p-7f), Single(0x1.ca1444p-5f));
    p = Fused(kF, p, f, Single(0x1.ec06dap-3f));
    p = Fused(kF, p, f, Single(0x1.62e0dcp-1f));
    p = Fused(kF, p, f, Single(0x1.ffffe8p-1f));
    return hn::BitCast(kF, hn::Add(hn::BitCast(kI, p), hn::ShiftLeft<23>(hn::BitCast(kI, shifted))));
  }
  VF factor, down;
};

/// The sum of the lanes: its halves side by side, then the quarters, and so on.
template <class D>
HWY_INLINE float SumInOrder([[maybe_unused]] D d, hn::Vec<D> v) {
#if HWY_TARGET != HWY_SCALAR
  if constexpr (hn::MaxLanes(d) > 1) {
    constexpr hn::Half<D> kLess;
    return SumInOrder(kLess, hn::Add(hn::LowerHalf(kLess, v), hn::UpperHalf(kLess, v)));
  }
#endif
  return hn::GetLane(v);
}

template <bool kFar>
HWY_INLINE void SumTerms(const std::int32_t* products, CoarseTerm& query) {
  constexpr std::size_t kLanes = hn::MaxLanes(kF), kVectors = kGroup / kLanes;
  const std::size_t n = query.n;
  const TermOf<kFar> term(query);
  VF sums[kVectors], most[kVectors];
  for (std::size_t v = 0; v < kVectors; ++v) sums[v] = most[v] = hn::Zero(kF);
  const auto add = [&](std::size_t v, VF value) {
    sums[v] = hn::Add(sums[v], value);
    most[v] = hn::Max(most[v], value);
  };
  std::size_t u = 0;
  for (; u + kGroup <= n; u += kGroup) {
    for (std::size_t v = 0; v < kVectors; ++v) add(v, term(products + u + v * kLanes));
  }
  for (std::size_t v = 0; u < n; ++v, u += kLanes) {
    const VF value = term(products + u);
    add(v, n - u >= kLanes ? value : hn::IfThenElseZero(hn::FirstN(kF, n - u), value));
  }
  for (std::size_t step = kVectors / 2; step > 0; step /= 2) {
    for (std::size_t v = 0; v < step; ++v) {
      sums[v] = hn::Add(sums[v], sums[v + step]);
      most[v] = hn::Max(most[v], most[v + step]);
    }
  }
  query.sum = static_cast<double>(SumInOrder(kF, sums[0]));
  query.most = hn::GetLane(hn::MaxOfLanes(kF, most[0]));
}

void CoarseSums(const std::int32_t* products, std::size_t ld, std::size_t count, CoarseTerm* queries) {
  for (std::size_t a = 0; a < count; ++a) {
    CoarseTerm& query = queries[a];
    if (query.n == 0) continue;
    if (query.far) {
      query.unit = std::floor(query.factor * static_cast<float>(CoarseTop(products + a * ld, query.n)));
      SumTerms<true>(products + a * ld, query);
    } else {
      SumTerms<false>(products + a * ld, query);
    }
  }
}

/// No product below this has a term that reaches the threshold: with room for more than terms are wrong by.
HWY_INLINE std::int32_t LeastProduct(const CoarseTerm& query, float threshold) {
  constexpr auto kLeast = std::numeric_limits<std::int32_t>::min();
  if (!(threshold > 0x1p-116f && query.factor > 0.0f)) return kLeast;
  const double unit = static_cast<double>(query.unit);
  const double exponent =
      std::log2(static_cast<double>(threshold)) + unit - 0x1p-15 - 0x1p-20 * std::fabs(unit);
  const double least = std::floor(exponent / static_cast<double>(query.factor));
  return static_cast<std::int32_t>(std::clamp(least, static_cast<double>(kLeast),
                                              static_cast<double>(std::numeric_limits<std::int32_t>::max())));
}

/// Bit l is 1 where products[l], or its magnitude, is at least `least`, l < kGroup.
template <bool kMagnitude>
HWY_INLINE std::uint32_t ReachedBits(const std::int32_t* products, std::int32_t least) {
  constexpr std::size_t kLanes = hn::MaxLanes(kI);
  const VI limit = hn::Set(kI, least);
  std::uint32_t below = 0;
  for (std::size_t l = 0; l < kGroup; l += kLanes) {
    std::uint8_t bits[8] = {};
    const VI x = hn::LoadU(kI, products + l);
    hn::StoreMaskBits(kI, hn::Lt(kMagnitude ? hn::Abs(x) : x, limit), bits);
    std::uint32_t some = 0;
    std::memcpy(&some, bits, sizeof some);
    below |= some << l;
  }
  return ~below & ((std::uint32_t{1} << kGroup) - 1);
}

/// Calls use(u) for the ascending u < n with bits(u) set, kGroup of them at a time.
template <class Bits, class Use>
HWY_INLINE void ForEachBit(std::size_t n, const Bits& bits_of, const Use& use) {
  for (std::size_t u = 0; u < n; u += kGroup) {
    for (std::uint32_t bits = bits_of(u); bits != 0; bits &= bits - 1) {
      const std::size_t v = u + static_cast<std::size_t>(std::countr_zero(bits));
      if (v >= n) break;
      use(v);
    }
  }
}

std::size_t SelectFar(const std::int32_t* products, std::size_t n, std::int32_t least, std::uint32_t first,
                      std::uint32_t* out) {
  std::size_t found = 0;
  ForEachBit(
      n, [&](std::size_t u) HWY_ATTR { return ReachedBits<true>(products + u, least); },
      [&](std::size_t u) { out[found++] = first + static_cast<std::uint32_t>(u); });
  return found;
}

std::size_t SelectCoarse(const std::int32_t* products, const CoarseTerm& query, float threshold,
                         std::uint32_t* out, float* terms) {
  const std::size_t lanes = hn::Lanes(kI);
  const std::int32_t least = LeastProduct(query, threshold);
  std::size_t likely = 0;
  HWY_ALIGN std::int32_t gathered[kMostCoarse + kGroup] = {};
  ForEachBit(
      query.n, [&](std::size_t u) HWY_ATTR { return ReachedBits<false>(products + u, least); },
      [&](std::size_t u) {
        out[likely] = static_cast<std::uint32_t>(u);
        gathered[likely++] = products[u];
      });
  const auto evaluate = [&](const auto& term) HWY_ATTR {
    for (std::size_t f = 0; f < likely; f += lanes) hn::StoreU(term(gathered + f), kF, terms + f);
  };
  if (query.far) {
    evaluate(TermOf<true>(query));
  } else {
    evaluate(TermOf<false>(query));
  }
  std::size_t found = 0;
  for (std::size_t f = 0; f < likely; ++f) {
    if (terms[f] < threshold) continue;
    out[found] = out[f];
    terms[found++] = terms[f];
  }
  return found;
}

}  // namespace heavykeys::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heavykeys::detail {

HWY_EXPORT(CoarseSums);
HWY_EXPORT(SelectCoarse);
HWY_EXPORT(SelectFar);

void coarse_sums(const std::int32_t* products, std::size_t ld, std::size_t count, CoarseTerm* queries) {
  HWY_DYNAMIC_DISPATCH(CoarseSums)(products, ld, count, queries);
}
std::size_t select_coarse(const std::int32_t* products, const CoarseTerm& query, float threshold,
                          std::uint32_t* out, float* terms) {
  return HWY_DYNAMIC_DISPATCH(SelectCoarse)(products, query, threshold, out, terms);
}
std::size_t select_far(const std::int32_t* products, std::size_t n, std::int32_t least, std::uint32_t first,
                       std::uint32_t* out) {
  return HWY_DYNAMIC_DISPATCH(SelectFar)(products, n, least, first, out);
}

}  // namespace heavykeys::detail
#endif
