// Leverage of all rows against exact rational arithmetic, on every family; approximations against the exact.
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>
#include <tuple>

#include "agreement.hpp"
#include "heavykeys/leverage.hpp"
#include "heavykeys/lewis.hpp"
#include "heavykeys/projection.hpp"
#include "support/chance.hpp"

using heavykeys::approximate_leverage_scores;
using heavykeys::leverage_scores;

TEST_CASE("leverage scores of all rows agree with exact arithmetic, whatever the rank and condition") {
  std::size_t rows = 0, deficient = 0;
  for (std::uint64_t seed = 0; seed < 4 * support::families().size(); ++seed) {
    const support::Problem p = support::draw(seed);
    INFO(p.name);
    const auto gridded = oracle::grid(p.keys.values().values, p.n(), p.d(), 4096, p.spec.grid_bits);
    const oracle::Problem exact(gridded, p.n(), p.d());
    const auto tau = leverage_scores(p.keys.rows(), p.spec.grid_bits);
    REQUIRE(tau.size() == p.n());
    for (std::size_t j = 0; j < p.n(); ++j) {
      CAPTURE(j, tau[j], oracle::approximate(exact.leverage(j)));
      const bool agrees = close(tau[j], exact.leverage(j), 1e-10) ||
                          std::fabs(tau[j] - oracle::approximate(exact.leverage(j))) <= 0x1p-1074;
      REQUIRE(agrees);
    }
    CHECK(std::accumulate(tau.begin(), tau.end(), 0.0) ==
          Approx(static_cast<double>(exact.rank())).margin(1e-9));
    rows += p.n();
    deficient += exact.rank() < p.d();
  }
  CHECK(rows > 5000);
  CHECK(deficient > 10);
}

TEST_CASE(
    "leverage scores at every condition: float64, double-double and exact arithmetic take over in turn") {
  // Neighbouring Fibonacci numbers: rows of determinant 1 and condition F^2, up to 5e14, on the grid of 24
  // bits.
  double f = 1, g = 2;
  for (int step = 0; step < 33; ++step) {
    const std::vector<double> k = {f, g, g, f + g, g, f + g, f + g, f + 2 * g, f, g};
    const oracle::Problem exact(oracle::grid(k, 5, 2, 4096, 24), 5, 2);
    const auto tau = leverage_scores(heavykeys::rows(k.data(), 5, 2));
    for (std::size_t j = 0; j < 5; ++j) {
      CAPTURE(f, j, tau[j], oracle::approximate(exact.leverage(j)));
      CHECK(close(tau[j], exact.leverage(j), 1e-10));
    }
    std::tie(f, g) = std::pair(g, f + g);
    if (f + 2 * g > 16777215) break;
  }
  CHECK(f > 4e6);
}

TEST_CASE(
    "leverage scores beyond double-double are exact; Lewis weights and projections say so or do without") {
  support::Matrix k(4097, 2);  // 4,096 equal rows, and one of 2^-60 that makes the rank 2: condition 2^66
  std::fill(k.values.begin(), k.values.end(), 1.0);
  k(4096, 0) = 0x1p-60;
  k(4096, 1) = 0;
  const auto view = heavykeys::rows(k.values.data(), k.rows, k.cols);
  const auto tau = leverage_scores(view);
  for (std::size_t j = 0; j < 4096; ++j) REQUIRE(tau[j] == Approx(0x1p-12).epsilon(1e-12));
  CHECK(tau[4096] == Approx(1.0).epsilon(1e-12));
  CHECK(approximate_leverage_scores(view, 0.5, 0.5, 1) == tau);
  CHECK_THROWS_AS(heavykeys::lewis_weights(view, 3.0), heavykeys::InvalidInput);
}

TEST_CASE("leverage scores are those of the universal set, blocks cut by row id") {
  support::Random random(3);
  const std::size_t n = 9000, d = 6;
  support::Matrix k(n, d);
  for (double& v : k.values) v = random.cauchy();
  const std::uint64_t first = 0;
  const auto view = heavykeys::rows(k.values.data(), n, d, first);
  const auto set = finalize(support::absorbed(support::make_spec(d, 1e-3, 24, 4096), view));
  const auto tau = leverage_scores(view);
  REQUIRE(set.size() > 100);
  for (std::size_t u = 0; u < set.size(); ++u)
    CHECK(tau[set.ids()[u].row] == Approx(set.leverage()[u]).epsilon(2e-10).margin(0));
  std::size_t heavy = 0;
  for (double t : tau) heavy += t >= 1e-3;
  CHECK(heavy == set.size());
  // A view that begins within a block is cut where the sketch would cut it.
  const auto late = leverage_scores(heavykeys::rows(k.values.data(), n, d, 100));
  CHECK(late != tau);
}

TEST_CASE("leverage scores of wide keys: as many as rows need double-double, and n < d") {
  support::Random random(4);
  for (const auto& [n, d] : {std::pair{300, 130}, {40, 130}, {130, 130}}) {
    support::Matrix k(static_cast<std::size_t>(n), static_cast<std::size_t>(d));
    for (double& v : k.values) v = random.gaussian();
    const auto tau = leverage_scores(heavykeys::rows(k.values.data(), k.rows, k.cols));
    CHECK(std::accumulate(tau.begin(), tau.end(), 0.0) == Approx(std::min(n, d)).epsilon(1e-10));
    for (double t : tau) REQUIRE((0 < t && t <= 1));
    if (n <= d) {
      for (double t : tau) CHECK(t == Approx(1.0).epsilon(1e-10));
    }
  }
  CHECK(leverage_scores(heavykeys::rows(static_cast<const double*>(nullptr), 0, 3)).empty());
  const std::vector<double> zeros(12, 0.0);
  CHECK(leverage_scores(heavykeys::rows(zeros.data(), 4, 3)) == std::vector<double>(4, 0.0));
}

TEST_CASE("approximate leverage scores keep their bound for all rows at once, as often as they say") {
  const std::size_t n = 400, d = 100, seeds = 60;
  const double distortion = 0.9, failure = 0.3;
  REQUIRE(rows_needed(heavykeys::Projection::Kind::gaussian, distortion * 0.999, failure / n) < d);
  support::Random random(5);
  support::Matrix k(n, d);
  for (std::size_t r = 0; r < n; ++r) {
    const double scale = std::ldexp(1.0, random.integer(-5, 5));
    for (std::size_t c = 0; c < d; ++c) k(r, c) = scale * random.gaussian();
  }
  for (std::size_t c = 0; c < d; ++c) k(17, c) = 0;
  const auto view = heavykeys::rows(k.values.data(), n, d);
  const auto exact = leverage_scores(view);
  std::size_t misses = 0, narrow_misses = 0, light = 0;
  double sum = 0.0;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const auto tau = approximate_leverage_scores(view, distortion, failure, seed);
    CHECK(tau[17] == 0.0);
    double worst = 0.0;
    for (std::size_t j = 0; j < n; ++j) {
      if (j == 17) continue;
      worst = std::max(worst, std::fabs(tau[j] / exact[j] - 1));
    }
    for (std::size_t j = 0; j < n; ++j) {
      if (exact[j] > 0.2 || j == 17) continue;  // far from the cap at 1
      sum += tau[j] / exact[j];
      ++light;
    }
    misses += worst > distortion;
    narrow_misses += worst > distortion / 4;
  }
  CHECK(static_cast<double>(misses) <= support::most_successes(failure, seeds));
  CHECK(static_cast<double>(narrow_misses) > support::most_successes(failure, seeds));  // it can tell
  // Unbiased: each ratio has variance 2 / r, and the seeds are independent, whatever the rows are.
  const double r = static_cast<double>(
      rows_needed(heavykeys::Projection::Kind::gaussian, distortion * 0.999, failure / n));
  CHECK(sum / static_cast<double>(light) == Approx(1.0).margin(5 * std::sqrt(2 / r / seeds)));
  CHECK(approximate_leverage_scores(view, distortion, failure, 7) ==
        approximate_leverage_scores(view, distortion, failure, 7));
}

TEST_CASE("approximate leverage scores are exact where a projection would gain nothing") {
  support::Random random(6);
  support::Matrix k(50, 5);
  for (double& v : k.values) v = random.integer(-3, 3);
  const auto view = heavykeys::rows(k.values.data(), 50, 5);
  CHECK(approximate_leverage_scores(view, 0.1, 0.1, 1) == leverage_scores(view));
}

TEST_CASE("leverage scores refuse what they cannot use") {
  const double bad[] = {1, 2, NAN, 4};
  CHECK_THROWS_AS(leverage_scores(heavykeys::rows(bad, 2, 2)), heavykeys::InvalidInput);
  CHECK_THROWS_AS(leverage_scores(heavykeys::rows(bad, 1, 2), 30), heavykeys::InvalidInput);
  CHECK_THROWS_AS(leverage_scores(heavykeys::rows(bad, 0, 0)), heavykeys::InvalidInput);
  CHECK_THROWS_AS(approximate_leverage_scores(heavykeys::rows(bad, 1, 2), 1.0, 0.1, 1),
                  heavykeys::InvalidInput);
  CHECK_THROWS_AS(approximate_leverage_scores(heavykeys::rows(bad, 1, 2), 0.5, 0.0, 1),
                  heavykeys::InvalidInput);
}
