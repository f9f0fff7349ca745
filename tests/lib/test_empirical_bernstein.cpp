// Confidence intervals hold the mean at least as often as they say, on distributions chosen to break them.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/empirical_bernstein.hpp"
#include "support/chance.hpp"
#include "support/random.hpp"

using namespace heavykeys::detail;

namespace {

using Population = std::vector<double>;

/// Populations of N numbers in [0, 3].
std::map<std::string, Population> populations(std::size_t n) {
  support::Random random(n);
  std::map<std::string, Population> out;
  const auto make = [&](const std::string& name, const std::function<double(std::size_t)>& value) {
    for (std::size_t i = 0; i < n; ++i) out[name].push_back(std::clamp(value(i), 0.0, 3.0));
  };
  make("one at the top", [](std::size_t i) { return i == 0 ? 3.0 : 0.0; });
  make("all but one at the top", [](std::size_t i) { return i == 0 ? 0.0 : 3.0; });
  make("rare", [&](std::size_t i) { return 50 * i < n ? 3.0 : 0.0; });
  make("coin", [](std::size_t i) { return i % 2 == 0 ? 3.0 : 0.0; });
  make("constant", [](std::size_t) { return 1.7; });
  make("uniform", [&](std::size_t) { return 3 * random.uniform(); });
  make("heavy tail", [&](std::size_t) { return 0.01 * std::fabs(random.cauchy()); });
  make("two lumps", [](std::size_t i) { return i % 10 == 0 ? 2.9 : 0.1; });
  return out;
}

double mean_of(const Population& p) {
  return std::accumulate(p.begin(), p.end(), 0.0) / static_cast<double>(p.size());
}

std::vector<double> drawn(Population& p, std::size_t m, support::Random& random) {
  for (std::size_t i = 0; i < m; ++i) std::swap(p[i], p[i + random.below(p.size() - i)]);
  return {p.begin(), p.begin() + static_cast<std::ptrdiff_t>(m)};
}

/// How often the interval, its distances from the sample's mean times `stretch`, misses the mean.
std::size_t misses(Population population, std::size_t m, double delta, std::size_t trials, double stretch) {
  support::Random random(m);
  const double mean = mean_of(population);
  std::size_t count = 0;
  for (std::size_t t = 0; t < trials; ++t) {
    const auto values = drawn(population, m, random);
    const double center = mean_of(values);
    const MeanInterval i = mean_interval(values, population.size(), 3.0, delta);
    REQUIRE(0.0 <= i.lower);
    REQUIRE(i.lower <= center * (1 + 1e-12));
    REQUIRE(center <= i.upper * (1 + 1e-12));
    REQUIRE(i.upper <= 3.0);
    count += center - stretch * (center - i.lower) > mean * (1 + 1e-12) ||
             center + stretch * (i.upper - center) < mean * (1 - 1e-12);
  }
  return count;
}

}  // namespace

TEST_CASE("an interval at confidence 1 - delta misses at most delta of the time, whatever is sampled") {
  const std::size_t trials = 1500;
  for (const double delta : {0.5, 0.1}) {
    for (const std::size_t n : {60u, 1000u}) {
      for (const auto& [name, population] : populations(n)) {
        for (const std::size_t m : {std::size_t{1}, std::size_t{8}, n / 4, n / 2, 9 * n / 10, n - 1}) {
          CAPTURE(delta, n, name, m);
          CHECK(static_cast<double>(misses(population, m, delta, trials, 1.0)) <=
                support::most_successes(delta, trials));
        }
      }
    }
  }
}

TEST_CASE("the count of misses can tell: intervals a quarter as wide miss too often") {
  const std::size_t trials = 1500;
  std::size_t caught = 0;
  for (const auto& [name, population] : populations(1000)) {
    caught += static_cast<double>(misses(population, 250, 0.1, trials, 0.25)) >
              support::most_successes(0.1, trials);
  }
  CHECK(caught >= 3);
}

TEST_CASE("intervals are as narrow as their formulas") {
  const double delta = 0.05;
  const std::vector<double> zeros(500, 0.0);
  // Nothing seen: 1 - (delta / 4)^(1 / m).
  const MeanInterval none = mean_interval(zeros, 1000000, 2.0, delta);
  CHECK(none.lower == 0.0);
  CHECK(none.upper == Approx(2.0 * (1 - std::pow(delta / 4, 1.0 / 500))).epsilon(1e-8));
  // What is certain: half seen, the other half in [0, B].
  const MeanInterval certain = mean_interval(std::vector<double>{1.0}, 2, 1.0, 1e-300);
  CHECK(certain.lower == Approx(0.5));
  CHECK(certain.upper == Approx(1.0));
  // No deviation: only the second term of Bernstein-Serfling is left.
  const std::vector<double> same(20000, 0.5);
  const MeanInterval flat = mean_interval(same, 1000000, 1.0, delta);
  const double half = (7.0 / 3 + 3 / std::sqrt(2.0)) * std::log(20 / delta) / 20000;
  CHECK(flat.upper - 0.5 == Approx(half).epsilon(1e-6));
  CHECK(0.5 - flat.lower == Approx(half).epsilon(1e-6));
}

TEST_CASE("a sample of everything leaves nothing open, and of nothing everything") {
  support::Random random(3);
  for (const std::size_t n : {1u, 2u, 77u}) {
    Population p;
    for (std::size_t i = 0; i < n; ++i) p.push_back(random.uniform());
    const MeanInterval all = mean_interval(p, n, 1.0, 0.01);
    CHECK(all.lower == all.upper);
    CHECK(all.lower == Approx(mean_of(p)).epsilon(1e-14));
  }
  const MeanInterval nothing = mean_interval({}, 10, 4.0, 0.01);
  CHECK(nothing.lower == 0.0);
  CHECK(nothing.upper == 4.0);
  CHECK(mean_interval(std::vector<double>{0.0}, 10, 0.0, 0.5).upper == 0.0);
}

TEST_CASE("what cannot be a sample is refused") {
  const std::vector<double> values{0.5, 1.5};
  CHECK_THROWS_AS(mean_interval(values, 1, 2.0, 0.1), heavykeys::InvalidInput);
  CHECK_THROWS_AS(mean_interval(values, 9, 1.0, 0.1), heavykeys::InvalidInput);
  CHECK_THROWS_AS(mean_interval(values, 9, NAN, 0.1), heavykeys::InvalidInput);
  CHECK_THROWS_AS(mean_interval(values, 9, 2.0, 0.0), heavykeys::InvalidInput);
  CHECK_THROWS_AS(mean_interval(values, 9, 2.0, 1.0), heavykeys::InvalidInput);
  CHECK_THROWS_AS(mean_interval(std::vector<double>{NAN}, 9, 2.0, 0.1), heavykeys::InvalidInput);
  CHECK_THROWS_AS(mean_interval(std::vector<double>{-0.1}, 9, 2.0, 0.1), heavykeys::InvalidInput);
}
