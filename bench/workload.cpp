#include "bench/workload.hpp"

#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <stdexcept>

namespace heavykeys::bench {
namespace {

// xoshiro256++ (Blackman, Vigna), seeded through splitmix64.
class Random {
 public:
  Random(std::uint64_t seed, std::uint64_t stream) {
    std::uint64_t z = seed * 0xd1342543de82ef95u + stream;
    for (std::uint64_t& word : state_) {
      z += 0x9e3779b97f4a7c15u;
      std::uint64_t mixed = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
      mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
      word = mixed ^ (mixed >> 31);
    }
  }

  float uniform() {  // in (0, 1): never 0, whose logarithm is infinite
    return (static_cast<float>(next() >> 41) + 0.5f) * 0x1p-23f;
  }

  void gaussian(float* out, std::size_t count) {  // Box-Muller, two at a time
    for (std::size_t i = 0; i < count; i += 2) {
      const float radius = std::sqrt(-2.0f * std::log(uniform()));
      const float angle = 2.0f * std::numbers::pi_v<float> * uniform();
      out[i] = radius * std::cos(angle);
      if (i + 1 < count) out[i + 1] = radius * std::sin(angle);
    }
  }

 private:
  std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  std::uint64_t state_[4];
};

constexpr std::size_t block_rows = 4096;  // one generator each, so that threads do not matter

// Scales column c by 10^(-4c/(d-1)), then reflects at the hyperplane of v = (1, .., 1)/sqrt(d).
void stretch(float* row, std::size_t dim) {
  float sum = 0;
  for (std::size_t c = 0; c < dim; ++c) {
    row[c] *= std::pow(10.0f,
                       -4.0f * static_cast<float>(c) / static_cast<float>(std::max<std::size_t>(dim - 1, 1)));
    sum += row[c];
  }
  for (std::size_t c = 0; c < dim; ++c) row[c] -= 2.0f * sum / static_cast<float>(dim);
}

// A gaussian row has length sqrt(d) and G is near n I: length^2 = g n gives leverage g/(1+g), less what
// other planted keys take.
void plant(float* row, const KeyShape& shape, std::size_t index) {
  const double gain = 0.03 * std::pow(60.0, static_cast<double>(index) / static_cast<double>(shape.outliers));
  double norm = 0;
  for (std::size_t c = 0; c < shape.dim; ++c)
    norm += static_cast<double>(row[c]) * static_cast<double>(row[c]);
  const auto scale = static_cast<float>(std::sqrt(gain * static_cast<double>(shape.count) / norm));
  for (std::size_t c = 0; c < shape.dim; ++c) row[c] *= scale;
}

__attribute__((target("avx2,f16c"))) void widen_f16(const std::uint16_t* from, float* to, std::size_t count) {
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i))));
  }
  for (; i < count; ++i) to[i] = _cvtsh_ss(from[i]);
}

__attribute__((target("avx2,f16c"))) void narrow_f16(const float* from, std::uint16_t* to,
                                                     std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] = _cvtss_sh(from[i], _MM_FROUND_TO_NEAREST_INT);
}

void narrow_bf16(const float* from, std::uint16_t* to, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(from[i]);
    to[i] = static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
  }
}

}  // namespace

Family family_of(const std::string& name) {
  if (name == "gaussian") return Family::gaussian;
  if (name == "anisotropic") return Family::anisotropic;
  if (name == "outliers") return Family::outliers;
  throw std::invalid_argument("no family \"" + name + "\": gaussian, anisotropic, outliers");
}

heavykeys::Dtype dtype_of(const std::string& name) {
  if (name == "f32") return heavykeys::Dtype::f32;
  if (name == "f16") return heavykeys::Dtype::f16;
  if (name == "bf16") return heavykeys::Dtype::bf16;
  throw std::invalid_argument("no dtype \"" + name + "\": f32, f16, bf16");
}

std::vector<std::size_t> planted_rows(const KeyShape& shape) {
  std::vector<std::size_t> rows;
  if (shape.family != Family::outliers) return rows;
  for (std::size_t i = 0; i < shape.outliers; ++i)
    rows.push_back((2 * i + 1) * shape.count / (2 * shape.outliers));
  return rows;
}

void make_keys(float* keys, const KeyShape& shape, int threads) {
  const std::size_t blocks = (shape.count + block_rows - 1) / block_rows;
  run_on_threads(threads, [&](int thread) {
    for (auto b = static_cast<std::size_t>(thread); b < blocks; b += static_cast<std::size_t>(threads)) {
      const std::size_t begin = b * block_rows;
      const std::size_t end = std::min(begin + block_rows, shape.count);
      Random(shape.seed, b).gaussian(keys + begin * shape.dim, (end - begin) * shape.dim);
      if (shape.family != Family::anisotropic) continue;
      for (std::size_t r = begin; r < end; ++r) stretch(keys + r * shape.dim, shape.dim);
    }
  });
  const std::vector<std::size_t> planted = planted_rows(shape);
  for (std::size_t i = 0; i < planted.size(); ++i) plant(keys + planted[i] * shape.dim, shape, i);
}

std::vector<float> make_queries(const float* keys, const KeyShape& shape, std::size_t m) {
  std::vector<float> queries(m * shape.dim);
  Random random(shape.seed, std::uint64_t{1} << 40);
  random.gaussian(queries.data(), queries.size());
  const std::vector<std::size_t> planted = planted_rows(shape);
  if (planted.empty()) return queries;
  for (std::size_t q = 0; q < m; q += 2) {
    const float* key = keys + planted[q / 2 % planted.size()] * shape.dim;
    float norm = 0;
    for (std::size_t c = 0; c < shape.dim; ++c) norm += key[c] * key[c];
    const float noise = 3.0f * random.uniform() / std::sqrt(static_cast<float>(shape.dim));
    float* query = queries.data() + q * shape.dim;
    for (std::size_t c = 0; c < shape.dim; ++c) query[c] = key[c] / std::sqrt(norm) + noise * query[c];
  }
  return queries;
}

void narrow(const float* from, std::uint16_t* to, std::size_t count, heavykeys::Dtype dtype, int threads) {
  run_on_threads(threads, [&](int thread) {
    const std::size_t begin = count * static_cast<std::size_t>(thread) / static_cast<std::size_t>(threads);
    const std::size_t end = count * static_cast<std::size_t>(thread + 1) / static_cast<std::size_t>(threads);
    (dtype == heavykeys::Dtype::f16 ? narrow_f16 : narrow_bf16)(from + begin, to + begin, end - begin);
  });
}

void widen(const std::uint16_t* from, float* to, std::size_t count, heavykeys::Dtype dtype) {
  if (dtype == heavykeys::Dtype::f16) return widen_f16(from, to, count);
  for (std::size_t i = 0; i < count; ++i)
    to[i] = std::bit_cast<float>(static_cast<std::uint32_t>(from[i]) << 16);
}

}  // namespace heavykeys::bench
