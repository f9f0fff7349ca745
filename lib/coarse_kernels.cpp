// The loops of the scan's first look in Google Highway: compiled once for each target by foreach_target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lib/coarse_kernels.cpp"
#include "lib/coarse_kernels.hpp"

#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/coarse_vnni.hpp"
#include "lib/isa.hpp"

HWY_BEFORE_NAMESPACE();
namespace heavykeys::detail::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr std::size_t kGroup = 16;  // terms that are added up side by side, on every target

constexpr hn::CappedTag<double, 8> kD;
constexpr hn::Rebind<std::int32_t, decltype(kD)> kHalf;  // as many as doubles
constexpr hn::CappedTag<float, kGroup> kF;
constexpr hn::RebindToSigned<decltype(kF)> kI;
constexpr hn::RepartitionToNarrow<decltype(kI)> kPairs;
using VD = hn::Vec<decltype(kD)>;
using VF = hn::Vec<decltype(kF)>;
using VI = hn::Vec<decltype(kI)>;

void CoarseColumns(const double* columns, std::size_t dim, std::size_t ld, double step, std::int16_t* panel,
                   double* residual) {
  const VD inverse = hn::Set(kD, 1.0 / step), unit = hn::Set(kD, step);
  auto* const pairs = reinterpret_cast<std::int32_t*>(panel);
  for (std::size_t u = 0; u < ld; u += hn::Lanes(kD)) {
    VD squares = hn::Zero(kD);
    const auto integer = [&](std::size_t i) {
      const VD x = hn::LoadU(kD, columns + i * ld + u), rounded = hn::Round(hn::Mul(x, inverse));
      const VD rest = hn::Sub(x, hn::Mul(rounded, unit));
      squares = hn::Add(squares, hn::Mul(rest, rest));
      return hn::DemoteTo(kHalf, rounded);
    };
    for (std::size_t i = 0; i < dim; i += 2) {
      const auto low = hn::And(integer(i), hn::Set(kHalf, 0xffff));
      const auto high = i + 1 < dim ? hn::ShiftLeft<16>(integer(i + 1)) : hn::Zero(kHalf);
      hn::StoreU(hn::Or(low, high), kHalf, pairs + i / 2 * ld + u);
    }
    hn::StoreU(squares, kD, residual + u);
  }
}

/// sum + a.first b.first + a.second b.second in each lane.
HWY_INLINE VI AddPairProducts(VI sum, VI a, VI b) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SCALAR
  // On x86 the products that are added up are neighbours: vpmaddwd.
  VI none = hn::Zero(kI);
  return hn::ReorderWidenMulAccumulate(kI, hn::BitCast(kPairs, a), hn::BitCast(kPairs, b), sum, none);
#else
  const auto first = [](VI v) { return hn::ShiftRight<16>(hn::ShiftLeft<16>(v)); };
  const auto second = [](VI v) { return hn::ShiftRight<16>(v); };
  return hn::Add(sum, hn::Add(hn::Mul(first(a), first(b)), hn::Mul(second(a), second(b))));
#endif
}

/// kQueries queries and kVectors vectors of keys in registers.
template <std::size_t kQueries, std::size_t kVectors>
HWY_INLINE void ProductTile(const std::int32_t* queries, std::size_t pairs, const std::int32_t* panel,
                            std::size_t ld, std::int32_t* out) {
  const std::size_t lanes = hn::Lanes(kI);
  VI sum[kQueries][kVectors];
  for (auto& row : sum) {
    for (VI& v : row) v = hn::Zero(kI);
  }
  for (std::size_t i = 0; i < pairs; ++i) {
    VI keys[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) keys[v] = hn::LoadU(kI, panel + i * ld + v * lanes);
    for (std::size_t a = 0; a < kQueries; ++a) {
      const VI query = hn::Set(kI, queries[a * pairs + i]);
      for (std::size_t v = 0; v < kVectors; ++v) sum[a][v] = AddPairProducts(sum[a][v], query, keys[v]);
    }
  }
  for (std::size_t a = 0; a < kQueries; ++a) {
    for (std::size_t v = 0; v < kVectors; ++v) hn::StoreU(sum[a][v], kI, out + a * ld + v * lanes);
  }
}

template <std::size_t kVectors>
HWY_INLINE void ProductStrip(const std::int32_t* queries, std::size_t count, std::size_t pairs,
                             const std::int32_t* panel, std::size_t ld, std::int32_t* out) {
  constexpr std::size_t kQueries = HWY_TARGET <= HWY_AVX3 ? 8 : 4;  // as many registers as there are
  std::size_t a = 0;
  for (; a + kQueries <= count; a += kQueries)
    ProductTile<kQueries, kVectors>(queries + a * pairs, pairs, panel, ld, out + a * ld);
  for (; a < count; ++a) ProductTile<1, kVectors>(queries + a * pairs, pairs, panel, ld, out + a * ld);
}

void CoarseProducts(const std::int16_t* queries, std::size_t query_count, std::size_t width,
                    const std::int16_t* panel, std::size_t ld, std::int32_t* products) {
  const auto* const q = reinterpret_cast<const std::int32_t*>(queries);
  const auto* const k = reinterpret_cast<const std::int32_t*>(panel);
  const std::size_t lanes = hn::Lanes(kI);
  std::size_t u = 0;
  for (; u + 2 * lanes <= ld; u += 2 * lanes)
    ProductStrip<2>(q, query_count, width / 2, k + u, ld, products + u);
  for (; u < ld; u += lanes) ProductStrip<1>(q, query_count, width / 2, k + u, ld, products + u);
}

/// a b + c, rounded once: on every target.
HWY_INLINE VF Fused(VF a, VF b, VF c) {
#if HWY_NATIVE_FMA
  return hn::MulAdd(a, b, c);
#else
  float x[kGroup], y[kGroup], z[kGroup];
  hn::StoreU(a, kF, x);
  hn::StoreU(b, kF, y);
  hn::StoreU(c, kF, z);
  for (std::size_t l = 0; l < hn::Lanes(kF); ++l) z[l] = std::fma(x[l], y[l], z[l]);
  return hn::LoadU(kF, z);
#endif
}

HWY_INLINE VF Single(float v) { return hn::Set(kF, v); }

/// 2^y for -120 <= y <= 2, relative error below 2^-18: the polynomial of least relative error on
/// [-1/2, 1/2] (2^-18.5), times a power of two.
HWY_INLINE VF PowerOfTwo(VF y) {
  const VF magic = Single(0x1.8p23f);  // y + magic has the nearest integer in its last bits
  const VF shifted = hn::Add(y, magic), f = hn::Sub(y, hn::Sub(shifted, magic));
  VF p = Fused(f, Single(0x1.3997d6p-7f), Single(0x1.ca1444p-5f));
  p = Fused(p, f, Single(0x1.ec06dap-3f));
  p = Fused(p, f, Single(0x1.62e0dcp-1f));
  p = Fused(p, f, Single(0x1.ffffe8p-1f));
  return hn::BitCast(kF, hn::Add(hn::BitCast(kI, p), hn::ShiftLeft<23>(hn::BitCast(kI, shifted))));
}

HWY_INLINE std::int32_t CoarseTop(const std::int32_t* products, std::size_t n) {
  const std::size_t lanes = hn::Lanes(kI);
  const VI least = hn::Set(kI, std::numeric_limits<std::int32_t>::min());
  VI even = least, odd = least;
  std::size_t u = 0;
  for (; u + 2 * lanes <= n; u += 2 * lanes) {
    even = hn::Max(even, hn::LoadU(kI, products + u));
    odd = hn::Max(odd, hn::LoadU(kI, products + u + lanes));
  }
  for (; u < n; u += lanes) {
    const VI x = hn::LoadU(kI, products + u);
    even = hn::Max(even, n - u >= lanes ? x : hn::IfThenElse(hn::FirstN(kI, n - u), x, least));
  }
  return hn::GetLane(hn::MaxOfLanes(kI, hn::Max(even, odd)));
}

/// As CoarseTerm says.
struct TermOf {
  explicit TermOf(const CoarseTerm& query) : factor(Single(query.factor)), down(Single(-query.unit)) {}
  HWY_INLINE VF operator()(const std::int32_t* product) const {
    const VF x = hn::ConvertTo(kF, hn::LoadU(kI, product));
    return PowerOfTwo(hn::Max(Fused(x, factor, down), Single(-120.0f)));
  }
  VF factor, down;
};

HWY_INLINE double SumOfTerms(const std::int32_t* products, const CoarseTerm& query) {
  const std::size_t lanes = hn::Lanes(kF), vectors = kGroup / lanes, n = query.n;
  const TermOf term(query);
  VF sums[kGroup];  // room for one-lane vectors
  for (std::size_t v = 0; v < vectors; ++v) sums[v] = hn::Zero(kF);
  std::size_t u = 0;
  for (; u + kGroup <= n; u += kGroup) {
    for (std::size_t v = 0; v < vectors; ++v) sums[v] = hn::Add(sums[v], term(products + u + v * lanes));
  }
  for (std::size_t v = 0; u < n; ++v, u += lanes) {
    const VF value = term(products + u);
    sums[v] = hn::Add(sums[v], n - u >= lanes ? value : hn::IfThenElseZero(hn::FirstN(kF, n - u), value));
  }
  float group[kGroup] = {};
  for (std::size_t v = 0; v < vectors; ++v) hn::StoreU(sums[v], kF, group + v * lanes);
  double half[kGroup / 2];
  for (std::size_t l = 0; l < kGroup / 2; ++l)
    half[l] = static_cast<double>(group[l]) + static_cast<double>(group[l + kGroup / 2]);
  for (std::size_t step = kGroup / 4; step > 0; step /= 2) {
    for (std::size_t l = 0; l < step; ++l) half[l] += half[l + step];
  }
  return half[0];
}

void CoarseSums(const std::int32_t* products, std::size_t ld, std::size_t count, CoarseTerm* queries) {
  // In two loops, so that no sum waits for its unit.
  for (std::size_t a = 0; a < count; ++a) {
    if (queries[a].n == 0) continue;
    const auto top = static_cast<float>(CoarseTop(products + a * ld, queries[a].n));
    const float exponent = queries[a].factor * top;
    queries[a].unit = std::floor(exponent);
    queries[a].most = 1.0f + (exponent - queries[a].unit);  // 2^x <= 1 + x
  }
  for (std::size_t a = 0; a < count; ++a) {
    if (queries[a].n > 0) queries[a].sum = SumOfTerms(products + a * ld, queries[a]);
  }
}

/// No product below this has a term that reaches the threshold. Roundings are given room: 2^-16 and 2^-20 of
/// an exponent are more than terms are wrong by.
HWY_INLINE std::int32_t LeastProduct(const CoarseTerm& query, float threshold) {
  constexpr auto kLeast = std::numeric_limits<std::int32_t>::min();
  if (!(threshold > 0x1p-118f && query.factor > 0.0f)) return kLeast;
  const double unit = static_cast<double>(query.unit);
  const double exponent =
      std::log2(static_cast<double>(threshold)) + unit - 0x1p-16 - 0x1p-20 * (std::fabs(unit) + 128.0);
  const double least = std::floor(exponent / static_cast<double>(query.factor));
  return static_cast<std::int32_t>(std::clamp(least, static_cast<double>(kLeast),
                                              static_cast<double>(std::numeric_limits<std::int32_t>::max())));
}

std::size_t SelectCoarse(const std::int32_t* products, const CoarseTerm& query, float threshold,
                         std::uint32_t* out, float* terms) {
  const std::size_t lanes = hn::Lanes(kI);
  const std::int32_t least = LeastProduct(query, threshold);
  const VI limit = hn::Set(kI, least);
  std::size_t likely = 0;
  HWY_ALIGN std::int32_t gathered[kMostCoarse + kGroup] = {};
  for (std::size_t u = 0; u < query.n; u += lanes) {
    if (hn::AllTrue(kI, hn::Lt(hn::LoadU(kI, products + u), limit))) continue;
    for (std::size_t v = u; v < std::min(u + lanes, query.n); ++v) {
      if (products[v] < least) continue;
      out[likely] = static_cast<std::uint32_t>(v);
      gathered[likely++] = products[v];
    }
  }
  const TermOf term(query);
  for (std::size_t f = 0; f < likely; f += lanes) hn::StoreU(term(gathered + f), kF, terms + f);
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

HWY_EXPORT(CoarseColumns);
HWY_EXPORT(CoarseProducts);
HWY_EXPORT(CoarseSums);
HWY_EXPORT(SelectCoarse);

void coarse_columns(const double* columns, std::size_t dim, std::size_t ld, double step, std::int16_t* panel,
                    double* residual) {
  HWY_DYNAMIC_DISPATCH(CoarseColumns)(columns, dim, ld, step, panel, residual);
}
void coarse_products(const std::int16_t* queries, std::size_t query_count, std::size_t width,
                     const std::int16_t* panel, std::size_t ld, std::int32_t* products) {
  const Isa isa = current_isa();
  if (isa == Isa::avx512_vnni || (isa == Isa::amx && vnni_usable()))
    return coarse_products_vnni(queries, query_count, width, panel, ld, products);
  HWY_DYNAMIC_DISPATCH(CoarseProducts)(queries, query_count, width, panel, ld, products);
}
void coarse_sums(const std::int32_t* products, std::size_t ld, std::size_t count, CoarseTerm* queries) {
  HWY_DYNAMIC_DISPATCH(CoarseSums)(products, ld, count, queries);
}
std::size_t select_coarse(const std::int32_t* products, const CoarseTerm& query, float threshold,
                          std::uint32_t* out, float* terms) {
  return HWY_DYNAMIC_DISPATCH(SelectCoarse)(products, query, threshold, out, terms);
}

}  // namespace heavykeys::detail
#endif
