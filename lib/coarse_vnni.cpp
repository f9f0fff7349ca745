#include "lib/coarse_vnni.hpp"

#include "lib/coarse_kernels.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

// Target attributes rather than compiler flags: see gram_amx.cpp.
#define HK_VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))
#define HK_INLINE inline __attribute__((always_inline))

namespace heavykeys::detail {

namespace {

constexpr std::size_t kLanes = kKeyStrip, kQueries = 8;

/// kRows queries and kVectors strips of keys in registers.
template <std::size_t kRows, std::size_t kVectors>
HK_VNNI HK_INLINE void product_tile(const std::int32_t* queries, std::size_t pairs,
                                    const std::int32_t* strips, std::size_t ld, std::int32_t* out) {
  __m512i sum[kRows][kVectors];
  for (auto& row : sum) {
    for (__m512i& v : row) v = _mm512_setzero_si512();
  }
  for (std::size_t i = 0; i < pairs; ++i) {
    __m512i keys[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v)
      keys[v] = _mm512_loadu_si512(strips + (v * pairs + i) * kLanes);
    for (std::size_t a = 0; a < kRows; ++a) {
      const __m512i query = _mm512_set1_epi32(queries[a * pairs + i]);
      for (std::size_t v = 0; v < kVectors; ++v) sum[a][v] = _mm512_dpwssd_epi32(sum[a][v], query, keys[v]);
    }
  }
  for (std::size_t a = 0; a < kRows; ++a) {
    for (std::size_t v = 0; v < kVectors; ++v) _mm512_storeu_si512(out + a * ld + v * kLanes, sum[a][v]);
  }
}

template <std::size_t kVectors>
HK_VNNI HK_INLINE void product_strip(const std::int32_t* queries, std::size_t count, std::size_t pairs,
                                     const std::int32_t* strips, std::size_t ld, std::int32_t* out) {
  std::size_t a = 0;
  for (; a + kQueries <= count; a += kQueries)
    product_tile<kQueries, kVectors>(queries + a * pairs, pairs, strips, ld, out + a * ld);
  for (; a < count; ++a) product_tile<1, kVectors>(queries + a * pairs, pairs, strips, ld, out + a * ld);
}

}  // namespace

bool vnni_usable() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vnni");
}

HK_VNNI void coarse_products_vnni(const std::int16_t* queries, std::size_t query_count, std::size_t width,
                                  const std::int16_t* panel, std::size_t ld, std::int32_t* products) {
  const auto* const q = reinterpret_cast<const std::int32_t*>(queries);
  const auto* const k = reinterpret_cast<const std::int32_t*>(panel);
  const std::size_t pairs = width / 2;
  std::size_t u = 0;
  for (; u + 2 * kLanes <= ld; u += 2 * kLanes)
    product_strip<2>(q, query_count, pairs, k + u * pairs, ld, products + u);
  for (; u < ld; u += kLanes) product_strip<1>(q, query_count, pairs, k + u * pairs, ld, products + u);
}

}  // namespace heavykeys::detail

#else

namespace heavykeys::detail {

bool vnni_usable() { return false; }
void coarse_products_vnni(const std::int16_t*, std::size_t, std::size_t, const std::int16_t*, std::size_t,
                          std::int32_t*) {}

}  // namespace heavykeys::detail

#endif
