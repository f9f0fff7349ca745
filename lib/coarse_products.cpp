// Keys as integers, and products of integers, in Google Highway: compiled once for each target by
// foreach_target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lib/coarse_products.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "lib/coarse_kernels.hpp"
#include "lib/coarse_vnni.hpp"
#include "lib/isa.hpp"

HWY_BEFORE_NAMESPACE();
namespace heavykeys::detail::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr hn::CappedTag<double, 8> kD;
constexpr hn::Rebind<std::int32_t, decltype(kD)> kHalf;  // as many as doubles
constexpr hn::CappedTag<std::int32_t, kKeyStrip> kI;
constexpr hn::RepartitionToNarrow<decltype(kI)> kPairs;
using VD = hn::Vec<decltype(kD)>;
using VI = hn::Vec<decltype(kI)>;

void CoarseColumns(const double* columns, std::size_t dim, std::size_t ld, double step, std::int16_t* panel,
                   double* residual) {
  const VD inverse = hn::Set(kD, 1.0 / step), unit = hn::Set(kD, step);
  const std::size_t pairs = coarse_width(dim) / 2;
  for (std::size_t u = 0; u < ld; u += hn::Lanes(kD)) {
    VD squares = hn::Zero(kD);
    auto* const strip =
        reinterpret_cast<std::int32_t*>(panel) + u / kKeyStrip * pairs * kKeyStrip + u % kKeyStrip;
    const auto integer = [&](std::size_t i) {
      const VD x = hn::LoadU(kD, columns + i * ld + u), rounded = hn::Round(hn::Mul(x, inverse));
      const VD rest = hn::Sub(x, hn::Mul(rounded, unit));
      squares = hn::Add(squares, hn::Mul(rest, rest));
      return hn::DemoteTo(kHalf, rounded);
    };
    for (std::size_t i = 0; i < dim; i += 2) {
      const auto low = hn::And(integer(i), hn::Set(kHalf, 0xffff));
      const auto high = i + 1 < dim ? hn::ShiftLeft<16>(integer(i + 1)) : hn::Zero(kHalf);
      hn::StoreU(hn::Or(low, high), kHalf, strip + i / 2 * kKeyStrip);
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

/// kQueries queries and kVectors vectors of keys in registers; vector v begins at keys[v], and its next pair
/// kKeyStrip further.
template <std::size_t kQueries, std::size_t kVectors>
HWY_INLINE void ProductTile(const std::int32_t* queries, std::size_t pairs, const std::int32_t* const* keys,
                            std::size_t ld, std::int32_t* out) {
  VI sum[kQueries][kVectors];
  for (auto& row : sum) {
    for (VI& v : row) v = hn::Zero(kI);
  }
  for (std::size_t i = 0; i < pairs; ++i) {
    VI key[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) key[v] = hn::LoadU(kI, keys[v] + i * kKeyStrip);
    for (std::size_t a = 0; a < kQueries; ++a) {
      const VI query = hn::Set(kI, queries[a * pairs + i]);
      for (std::size_t v = 0; v < kVectors; ++v) sum[a][v] = AddPairProducts(sum[a][v], query, key[v]);
    }
  }
  for (std::size_t a = 0; a < kQueries; ++a) {
    for (std::size_t v = 0; v < kVectors; ++v) hn::StoreU(sum[a][v], kI, out + a * ld + v * hn::Lanes(kI));
  }
}

/// Of kVectors vectors of keys from u on, with all queries.
template <std::size_t kVectors>
HWY_INLINE void ProductStrip(const std::int32_t* queries, std::size_t count, std::size_t pairs,
                             const std::int32_t* panel, std::size_t u, std::size_t ld, std::int32_t* out) {
  constexpr std::size_t kQueries = HWY_TARGET <= HWY_AVX3 ? 8 : 4;  // as many registers as there are
  const std::int32_t* keys[kVectors];
  for (std::size_t v = 0; v < kVectors; ++v) {
    const std::size_t at = u + v * hn::Lanes(kI);
    keys[v] = panel + at / kKeyStrip * pairs * kKeyStrip + at % kKeyStrip;
  }
  std::size_t a = 0;
  for (; a + kQueries <= count; a += kQueries)
    ProductTile<kQueries, kVectors>(queries + a * pairs, pairs, keys, ld, out + a * ld + u);
  for (; a < count; ++a) ProductTile<1, kVectors>(queries + a * pairs, pairs, keys, ld, out + a * ld + u);
}

void CoarseProducts(const std::int16_t* queries, std::size_t query_count, std::size_t width,
                    const std::int16_t* panel, std::size_t ld, std::int32_t* products) {
  const auto* const q = reinterpret_cast<const std::int32_t*>(queries);
  const auto* const k = reinterpret_cast<const std::int32_t*>(panel);
  const std::size_t lanes = hn::Lanes(kI);
  std::size_t u = 0;
  for (; u + 2 * lanes <= ld; u += 2 * lanes) ProductStrip<2>(q, query_count, width / 2, k, u, ld, products);
  for (; u < ld; u += lanes) ProductStrip<1>(q, query_count, width / 2, k, u, ld, products);
}

}  // namespace heavykeys::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heavykeys::detail {

HWY_EXPORT(CoarseColumns);
HWY_EXPORT(CoarseProducts);

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

}  // namespace heavykeys::detail
#endif
