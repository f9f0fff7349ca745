#include "bench/peaks.hpp"

#include <immintrin.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <vector>

#include "bench/machine.hpp"
#include "bench/timing.hpp"

namespace heavykeys::bench {
namespace {

// Two units of latency 4 or 5 need 8 to 10 chains; AVX2 has 16 registers.
constexpr int chains = 12;
constexpr std::size_t rounds = 12'000'000;

// The empty asm keeps the compiler from knowing the operands, or that a loop like this does nothing.
#define HEAVYKEYS_BENCH_LOOP(name, isa, Vector, start, step)         \
  __attribute__((target(isa))) void name() {                         \
    Vector a = start, b = start;                                     \
    Vector sums[chains];                                             \
    for (Vector & sum : sums) sum = start;                           \
    for (std::size_t round = 0; round < rounds; ++round) {           \
      asm volatile("" : "+v"(a), "+v"(b));                           \
      _Pragma("GCC unroll 12") for (Vector & sum : sums) sum = step; \
    }                                                                \
    for (Vector & sum : sums) asm volatile("" ::"v"(sum));           \
  }

HEAVYKEYS_BENCH_LOOP(f32_256, "avx2,fma", __m256, _mm256_set1_ps(0.5f), _mm256_fmadd_ps(a, b, sum))
HEAVYKEYS_BENCH_LOOP(f64_256, "avx2,fma", __m256d, _mm256_set1_pd(0.5), _mm256_fmadd_pd(a, b, sum))
HEAVYKEYS_BENCH_LOOP(f32_512, "avx512f", __m512, _mm512_set1_ps(0.5f), _mm512_fmadd_ps(a, b, sum))
HEAVYKEYS_BENCH_LOOP(f64_512, "avx512f", __m512d, _mm512_set1_pd(0.5), _mm512_fmadd_pd(a, b, sum))
// The product takes the sum as a factor: of a and b alone there would be one product for all chains.
HEAVYKEYS_BENCH_LOOP(i16_256, "avx2", __m256i, _mm256_set1_epi16(1),
                     _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_xor_si256(a, b), sum)))
HEAVYKEYS_BENCH_LOOP(i16_512, "avx512f,avx512bw", __m512i, _mm512_set1_epi32(0x10001),
                     _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_xor_si512(a, b), sum)))
HEAVYKEYS_BENCH_LOOP(i16_vnni, "avx512f,avx512bw,avx512vnni", __m512i, _mm512_set1_epi32(0x10001),
                     _mm512_dpwssd_epi32(sum, a, b))

struct Peak {
  const char* kind;
  const char* instruction;
  void (*loop)();
  std::size_t lanes;  // multiply-adds of one instruction
};

std::vector<Peak> peaks_here() {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return {};
  if (!__builtin_cpu_supports("avx512bw")) {
    return {{"float32", "vfmadd231ps, 256 bits", f32_256, 8},
            {"float64", "vfmadd231pd, 256 bits", f64_256, 4},
            {"int16", "vpmaddwd and vpaddd, 256 bits", i16_256, 16}};
  }
  const bool vnni = __builtin_cpu_supports("avx512vnni");
  return {{"float32", "vfmadd231ps, 512 bits", f32_512, 16},
          {"float64", "vfmadd231pd, 512 bits", f64_512, 8},
          vnni ? Peak{"int16", "vpdpwssd, 512 bits", i16_vnni, 32}
               : Peak{"int16", "vpmaddwd and vpaddd, 512 bits", i16_512, 32}};
}

}  // namespace

nlohmann::json measure_peaks(int threads) {
  constexpr int repeats = 5;
  const double steps = static_cast<double>(threads) * chains * static_cast<double>(rounds);
  nlohmann::json result = {{"threads", threads}};
  for (const Peak& peak : peaks_here()) {
    std::vector<double> rates;
    for (int repeat = 0; repeat < repeats; ++repeat) {
      const double seconds = seconds_of([&] { run_on_threads(threads, [&](int) { peak.loop(); }); });
      rates.push_back(steps * static_cast<double>(peak.lanes) / seconds * 1e-9);
    }
    const Stats rate = stats_of(rates);
    result[peak.kind] = {
        {"instruction", peak.instruction},
        {"gmultiplyadds_per_s", {{"median", rate.median}, {"min", rate.min}, {"max", rate.max}}}};
  }
  return result;
}

double peak_rate(const nlohmann::json& peaks, const std::string& kind) {
  if (!peaks.contains(kind)) return 0;
  return peaks[kind]["gmultiplyadds_per_s"]["max"].get<double>() * 1e9;
}

std::string peaks_line(const nlohmann::json& peaks) {
  std::array<char, 160> text = {};
  std::snprintf(
      text.data(), text.size(),
      "peak of %d threads, G multiply-adds/s: float32 %.0f, float64 %.0f, int16 %.0f (AMX not measured)",
      peaks["threads"].get<int>(), peak_rate(peaks, "float32") * 1e-9, peak_rate(peaks, "float64") * 1e-9,
      peak_rate(peaks, "int16") * 1e-9);
  return text.data();
}

}  // namespace heavykeys::bench
