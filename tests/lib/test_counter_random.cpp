// Philox against its published vectors, the numbers made of it against what they should be.
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "lib/counter_random.hpp"
#include "lib/portable_math.hpp"
#include "support/chance.hpp"
#include "support/random.hpp"

using namespace heavykeys::detail;

TEST_CASE("random_bits is Philox4x32-10: the known answers of Random123's kat_vectors") {
  CHECK(random_bits(0, 0, 0) == RandomBits{0xe169c58d6627e8d5, 0x9b00dbd8bc57ac4c});
  const std::uint64_t ones = ~std::uint64_t{0};
  CHECK(random_bits(ones, ones, ones) == RandomBits{0x41c83b0e408f276d, 0x6d5451fda20bc7c6});
  CHECK(random_bits(0x299f31d0a4093822, 0x85a308d3243f6a88, 0x0370734413198a2e) ==
        RandomBits{0x94fdccebd16cfe09, 0x24126ea15001e420});
}

TEST_CASE("many words are the single ones") {
  for (const std::size_t count : {0u, 1u, 7u, 300u}) {
    const std::uint64_t first = (std::uint64_t{1} << 32) - 100;  // carries into the upper half
    std::vector<std::uint64_t> words(count + 1, 42);
    random_words(5, 6, first, count, words.data());
    for (std::size_t i = 0; i < count; ++i) REQUIRE(words[i] == random_bits(5, 6, first + i).low);
    CHECK(words[count] == 42);
  }
}

TEST_CASE("each use of a seed has a seed of its own") {
  CHECK(derived_seed(1, Purpose::row_sample) != derived_seed(1, Purpose::leverage_sample));
  CHECK(derived_seed(1, Purpose::row_sample) != derived_seed(2, Purpose::row_sample));
}

TEST_CASE("the unit interval is [0, 1), evenly") {
  CHECK(unit_interval(0) == 0.0);
  CHECK(unit_interval(~std::uint64_t{0}) == 1.0 - 0x1p-53);
  const std::size_t cells = 64, draws = 64 * 1000;
  std::vector<double> count(cells, 0.0);
  for (std::size_t i = 0; i < draws; ++i)
    count[static_cast<std::size_t>(unit_interval(random_bits(9, i, 0).low) * static_cast<double>(cells))] +=
        1;
  double chi_square = 0.0;
  for (double c : count) chi_square += (c - 1000) * (c - 1000) / 1000;
  CHECK(chi_square < support::most_chi_square(cells - 1.0));
  CHECK(chi_square > support::least_chi_square(cells - 1.0));
}

TEST_CASE("logarithm, exponential and power are those of libm, nearly") {
  support::Random random(1);
  for (int i = 0; i < 20000; ++i) {
    const double x = std::ldexp(0.5 + random.uniform() / 2, random.integer(-1000, 1000));
    REQUIRE(std::fabs(portable_log(x) - std::log(x)) <= 1e-15 * std::fabs(std::log(x)));
    const double near = 1.0 + std::ldexp(random.uniform() - 0.5, random.integer(-40, 0));
    REQUIRE(std::fabs(portable_log(near) - std::log(near)) <= 1e-16 + 4e-16 * std::fabs(std::log(near)));
    const double y = 1400 * random.uniform() - 700;
    REQUIRE(std::fabs(portable_exp(y) - std::exp(y)) <= 1e-15 * (1 + std::fabs(y)) * std::exp(y));
    const double base = std::ldexp(0.5 + random.uniform() / 2, random.integer(-40, 40)),
                 power = 16 * random.uniform() - 8;
    const double exponent = power * std::log(base);
    REQUIRE(std::fabs(portable_pow(base, power) - std::pow(base, power)) <=
            2e-15 * (1 + std::fabs(exponent)) * std::pow(base, power));
  }
  CHECK(portable_log(1.0) == 0.0);
  CHECK(portable_exp(0.0) == 1.0);
  CHECK(portable_exp(-800.0) == 0.0);
  CHECK(std::isinf(portable_exp(800.0)));
  CHECK(portable_log(0x1p-1074) == Approx(std::log(0x1p-1074)));
}

TEST_CASE("the normal quantile inverts the normal distribution") {
  support::Random random(2);
  for (int i = 0; i < 20000; ++i) {
    const double u =
        i % 2 == 0 ? random.uniform() : std::ldexp(0.5 + random.uniform() / 2, random.integer(-60, -1));
    if (u == 0.0) continue;
    const double x = normal_quantile(u);
    // Phi(x) = erfc(-x / sqrt 2) / 2, whose relative error at x is |x| + 1 times that of x.
    REQUIRE(0.5 * std::erfc(-x / std::sqrt(2.0)) == Approx(u).epsilon(1e-14 * (2 + x * x)).margin(0));
    if (u <= 0.5) continue;
    REQUIRE(normal_quantile(1.0 - u) == Approx(-x).margin(1e-15));
  }
  CHECK(normal_quantile(0.5) == 0.0);
}
