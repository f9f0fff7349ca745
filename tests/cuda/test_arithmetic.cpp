// The scalar arithmetic of cuda/: the bits of the vector kernels of lib/, and of its 16-bit floats.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "cuda/elements.cuh"
#include "lib/dtype.hpp"
#include "lib/isa.hpp"
#include "support/random.hpp"

using namespace heavykeys::cuda::detail;
namespace lib = heavykeys::detail;

namespace {

template <class T>
TermOf<T> same(const Term& f) {
  TermOf<T> t{f.kind, f.power, f.degree, static_cast<T>(f.exponent), lib::least_shift<T>(f), {}, {}};
  for (int i = 0; i <= f.degree; ++i) {
    t.coefficients[i] = static_cast<T>(f.coefficients[i]);
    t.slopes[i] = static_cast<T>(2 * i * f.coefficients[i]);
  }
  return t;
}

std::vector<Term> terms() {
  std::vector<Term> all(9);
  for (std::size_t i = 0; i < 4; ++i) {
    all[1 + i].kind = Term::Kind::power;
    all[1 + i].power = std::vector<int>{1, 2, 3, 17}[i];
  }
  all[5].kind = all[6].kind = Term::Kind::real_power;
  all[5].exponent = 0.3;
  all[6].exponent = 7.7;
  all[7].kind = Term::Kind::expressive;
  all[8].kind = Term::Kind::polynomial;
  all[8].degree = 3;
  all[8].coefficients[0] = 0.7;
  all[8].coefficients[2] = 1.3;
  all[8].coefficients[3] = 0.1;
  return all;
}

/// Of every size there is: zeros, subnormals, ordinary values, and some near the end of the range.
template <class T>
T any_size(support::Random& random) {
  const int reach = sizeof(T) == 4 ? 60 : 500;
  switch (random.below(8)) {
    case 0:
      return static_cast<T>(random.sign() * 0.0);
    case 1:
      return static_cast<T>(random.sign()) * std::numeric_limits<T>::denorm_min() *
             static_cast<T>(random.below(99));
    case 2:
      return static_cast<T>(std::ldexp(random.gaussian(), random.integer(-reach, reach)));
    default:
      return static_cast<T>(random.gaussian() * 8);
  }
}

constexpr std::size_t kWidth = 16, kCount = 64;

/// One block of scores for sixteen queries: raise, weigh and differentiate, both ways.
template <class T>
std::size_t count_differences(const Term& f, support::Random& random) {
  const TermOf<T> term = same<T>(f);
  const Evaluate<T> e{term};
  std::vector<T> x(kWidth * kCount), shift(kWidth, lib::least_shift<T>(f)), factor(kWidth), sum(kWidth), w,
      slopes;
  for (T& v : x) v = any_size<T>(random);
  slopes = x;
  random.shuffle(slopes);
  if (random.coin()) {
    for (T& v : shift) v = std::max(v, std::fabs(any_size<T>(random)));
  }
  const std::vector<T> before = shift, by_weight = slopes;
  std::size_t differences = 0;
  const auto differ = [&](T a, T b) { differences += bits_of(a) != bits_of(b) && (a == a || b == b); };
  w = x;
  lib::raise_shift<T>(f, {w.data(), kCount, kWidth}, shift.data(), factor.data());
  lib::weigh<T>(f, {w.data(), kCount, kWidth}, shift.data(), sum.data());
  for (std::size_t u = 0; u < kWidth; ++u) {
    T top = before[u], total = 0;
    for (std::size_t k = 0; k < kCount; ++k) top = greatest(top, e.size(x[k * kWidth + u]));
    differ(top, shift[u]);
    differ(e.ratio(before[u], top), factor[u]);
    for (std::size_t k = 0; k < kCount; ++k) {
      const T weight = e.weight(x[k * kWidth + u], e.prepare(top));
      differ(weight, w[k * kWidth + u]);
      total = total + weight;
    }
    differ(total, sum[u]);
  }
  w = x;
  std::vector<T> inverse(kWidth), mean(kWidth);
  for (std::size_t u = 0; u < kWidth; ++u) inverse[u] = any_size<T>(random), mean[u] = any_size<T>(random);
  lib::weigh_slopes<T>(f, {w.data(), kCount, kWidth}, shift.data(), inverse.data(), mean.data(),
                       slopes.data());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t u = i % kWidth;
    const T prepared = e.prepare(shift[u]), weight = e.weight(x[i], prepared);
    differ(weight * inverse[u], w[i]);
    differ(e.slope(x[i], prepared, weight) * inverse[u] * (by_weight[i] - mean[u]), slopes[i]);
  }
  return differences;
}

}  // namespace

TEST_CASE("scores, weights, units and slopes: the bits of the vector kernels") {
  lib::current_isa();
  support::Random random(11);
  for (const Term& f : terms()) {
    INFO("kind " << static_cast<int>(f.kind) << ", power " << f.power << ", exponent " << f.exponent);
    std::size_t in_float = 0, in_double = 0;
    for (int turn = 0; turn < 200; ++turn) {
      in_float += count_differences<float>(f, random);
      in_double += count_differences<double>(f, random);
    }
    CHECK(in_float == 0);
    CHECK(in_double == 0);
  }
}

TEST_CASE("a unit that stays is exactly 1") {
  support::Random random(12);
  for (const Term& f : terms()) {
    const TermOf<float> term = same<float>(f);
    const Evaluate<float> e{term};
    for (int turn = 0; turn < 1000; ++turn) {
      const float shift = std::max(lib::least_shift<float>(f), std::fabs(any_size<float>(random)));
      REQUIRE(e.ratio(shift, shift) == 1.0F);
    }
  }
}

TEST_CASE("16-bit floats: the bits of lib, for every half and every 4,099th float") {
  std::size_t differences = 0;
  for (std::uint32_t h = 0; h < 65536; ++h) {
    const auto half = static_cast<std::uint16_t>(h);
    differences += bits_of(float_of_half(half)) != bits_of(lib::half_to_float(half));
  }
  for (std::uint64_t b = 0; b < (std::uint64_t{1} << 32); b += 4099) {
    const float x = __builtin_bit_cast(float, static_cast<std::uint32_t>(b));
    differences += half_of_float(x) != lib::half_from_float(x);
    differences += bfloat16_of_float(x) != lib::bfloat16_from_float(x);
  }
  CHECK(differences == 0);
}
