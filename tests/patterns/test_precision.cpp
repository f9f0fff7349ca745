// Verification against the definition, the bound against the law it is made of, and the search.
#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>

#include "heavykeys/error.hpp"
#include "heavykeys/parallel.hpp"
#include "patterns/planted.hpp"
#include "support/chance.hpp"

using Catch::Matchers::Contains;
using heavykeys::Construction;
using heavykeys::plant;
using heavykeys::Planted;
using heavykeys::planted_dim;
using heavykeys::PlantOptions;
using heavykeys::random_pattern;
using heavykeys::SparsePattern;
using heavykeys::verify;

TEST_CASE("two queries and two keys by hand") {
  const SparsePattern identity{2, 2, {0, 1, 2}, {0, 1}, {1, 1}};
  const double keys[] = {1, 0, 0, 1}, queries[] = {std::log(3.0), 0, 0, std::log(3.0)};
  const auto found = verify(identity, heavykeys::rows(queries, 2, 2), heavykeys::rows(keys, 2, 2));
  CHECK(found.ratio_error == 0.0);
  CHECK(found.off_support == Approx(0.25).epsilon(1e-14));
  CHECK(found.least_planted == Approx(0.75).epsilon(1e-14));
  CHECK(found.off_support_mass == Approx(0.25).epsilon(1e-14));
  CHECK(found.max_error == Approx(0.25).epsilon(1e-13));
  CHECK(found.logit_error == Approx(5 * 0x1p-53 * std::log(3.0)).epsilon(1e-3));
  REQUIRE(found.separating_epsilon);
  CHECK(*found.separating_epsilon == Approx(std::sqrt(0.1875)).epsilon(1e-12));
  CHECK(found.meets(0.0, 0.2500001));
  CHECK_FALSE(found.meets(0.0, 0.2499999));
}

TEST_CASE("three queries and three keys by hand") {
  // Weights (1, 2, 1)/4, (6, 1, 1)/8, (1, 1, 2)/4 against [[1, 1, 0], [3, 0, 0], [0, 1, 2]].
  const SparsePattern m{3, 3, {0, 2, 3, 5}, {0, 1, 0, 1, 2}, {1, 1, 3, 1, 2}};
  const double keys[] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  const double queries[] = {0, std::log(2.0), 0, std::log(6.0), 0, 0, 0, 0, std::log(2.0)};
  const auto found = verify(m, heavykeys::rows(queries, 3, 3), heavykeys::rows(keys, 3, 3));
  CHECK(found.ratio_error == Approx(1.0).epsilon(1e-14));  // row 0: 2 where 1 was wanted
  CHECK(found.off_support == Approx(0.25).epsilon(1e-14));
  CHECK(found.off_support_mass == Approx(0.25).epsilon(1e-14));
  CHECK(found.least_planted == Approx(0.25).epsilon(1e-14));
  CHECK(found.max_error == Approx(0.25).epsilon(1e-13));
  CHECK_FALSE(found.separating_epsilon);  // row 2 gives key 0, off the support, as much as key 1
}

TEST_CASE("verification is the definition in long double") {
  for (const auto construction : {Construction::interpolating, Construction::svd}) {
    for (const std::size_t dim : {3u, 12u, 40u}) {
      PlantOptions options;
      options.construction = construction;
      options.dim = dim;
      options.epsilon2 = 1e-3;
      const SparsePattern m = random_pattern(75, 3, 5.0, dim);
      const Planted p = plant(m, options);
      const auto found = planted::precision(m, p), naive = planted::naive_precision(m, p);
      CHECK(found.ratio_error ==
            Approx(naive.ratio_error).epsilon(1e-9).margin(1e-11 + 4 * found.logit_error));
      CHECK(found.off_support == Approx(naive.off_support).epsilon(1e-10));
      CHECK(found.least_planted == Approx(naive.least_planted).epsilon(1e-10));
      CHECK(found.off_support_mass == Approx(naive.off_support_mass).epsilon(1e-10));
      CHECK(found.max_error == Approx(naive.max_error).epsilon(1e-10).margin(8 * found.logit_error));
      CHECK(found.logit_error < 1e-9);
      // Bounds of what exact arithmetic has.
      CHECK(found.ratio_error >= naive.ratio_error);
      CHECK(found.off_support >= naive.off_support);
      CHECK(found.off_support_mass >= naive.off_support_mass);
      CHECK(found.least_planted <= naive.least_planted);
      CHECK(found.max_error >= naive.max_error);
    }
  }
}

TEST_CASE("a dimension that is too small is reported as not meeting the precision") {
  const SparsePattern m = random_pattern(256, 2, 10.0, 1);
  for (const auto construction : {Construction::interpolating, Construction::svd}) {
    PlantOptions options;
    options.construction = construction;
    options.dim = 8;
    const Planted p = plant(m, options);
    const auto found = planted::precision(m, p);
    CHECK_FALSE(found.meets(p.options.epsilon1, p.options.epsilon2));
    CHECK_FALSE(found.separating_epsilon);
  }
}

TEST_CASE("float32 inputs are verified as they are") {
  const SparsePattern m = random_pattern(128, 2, 10.0, 1);
  const Planted p = plant(m);
  const std::vector<float> queries(p.queries.begin(), p.queries.end()), keys(p.keys.begin(), p.keys.end());
  const std::size_t r = p.options.dim;
  const auto rounded =
      verify(m, heavykeys::rows(queries.data(), 128, r), heavykeys::rows(keys.data(), 128, r));
  CHECK(rounded.meets(p.options.epsilon1, p.options.epsilon2));
  CHECK(rounded.ratio_error > 1e-8);  // a float32 rounding of logits near T = 38
  CHECK(planted::precision(m, p).ratio_error < 1e-11);
}

TEST_CASE("what the rounding of long queries and keys may hide is reported, or refused") {
  // Two rows of rounding's making: columns of +-c that cancel in float64, but only after swallowing the rest.
  const SparsePattern m{1, 2, {0, 2}, {0, 1}, {1, 1}};
  const auto found = [&](double c) {
    const double queries[] = {0.3, c, c}, keys[] = {0.7, c, -c, -0.4, c, -c};
    return verify(m, heavykeys::rows(queries, 1, 3), heavykeys::rows(keys, 2, 3));
  };
  const double truth = std::exp(0.3 * 1.1) - 1.0;  // the logits are 0.21 and -0.12
  for (const double c : {0.0, 1.0, 1e3, 1e6, 1e7, 2e7}) {
    const auto p = found(c);
    CHECK(p.logit_error >= 6 * 0x1p-53 * 2 * c * c);
    CHECK(p.logit_error <= 6.1 * 0x1p-53 * (2 * c * c + 1));
    CHECK(p.ratio_error >= truth);
    CHECK(p.ratio_error <= (truth + 1) * std::exp(4.1 * p.logit_error) - 1 + 1e-12);
    CHECK(p.least_planted <= 1 / (1 + std::exp(0.3 * 1.1)));
  }
  CHECK_THROWS_WITH(found(3e8), Contains("row 0: a float64 logit may be off by"));
  CHECK_THROWS_AS(found(3e8), heavykeys::InvalidInput);
  const double tiny[] = {1e-200, 1e-200}, great[] = {1e200, 1e200, 1e200, -1e200};
  const auto scaled = verify(m, heavykeys::rows(tiny, 1, 2), heavykeys::rows(great, 2, 2));
  CHECK(scaled.logit_error == Approx(5 * 0x1p-53 * 2).epsilon(1e-3));  // no square under- or overflows
}

TEST_CASE("what verify cannot take is refused") {
  const SparsePattern m{2, 2, {0, 1, 2}, {0, 1}, {1, 1}};
  double values[] = {1, 0, 0, 1};
  const auto rows = heavykeys::rows(values, 2, 2);
  CHECK_THROWS_WITH(verify(m, heavykeys::rows(values, 1, 2), rows), Contains("queries (1, 2)"));
  CHECK_THROWS_WITH(verify(m, rows, heavykeys::rows(values, 2, 1)), Contains("keys (2, 1)"));
  values[3] = std::nan("");
  CHECK_THROWS_AS(verify(m, rows, rows), heavykeys::InvalidInput);
  values[3] = 1e200;
  CHECK_THROWS_WITH(verify(m, rows, rows), Contains("2^60"));
}

TEST_CASE("off the support logits are Student's t with r - k + 1 degrees of freedom, as T10 says") {
  // P[z > c |b|] = P[t_nu > sqrt(nu) c]: 1/2 - atan(c)/pi for nu = 1, 1/2 - c / (2 sqrt(1 + c^2)) for nu = 2.
  const std::size_t seeds = 4000;
  const double c = 1.5;
  for (const std::size_t k : {1u, 2u, 4u}) {
    for (const std::size_t nu : {1u, 2u}) {
      SparsePattern m{1, k + 1, {0, static_cast<std::int64_t>(k)}, {}, {}};
      PlantOptions options;
      options.dim = nu + k - 1;
      options.epsilon2 = 0.1;
      double squares = 0;
      for (std::size_t j = 0; j < k; ++j) {
        m.indices.push_back(static_cast<std::int64_t>(j));
        m.values.push_back(static_cast<double>(1 + j));
        const double b = 4 * std::log(10.0) + std::log(static_cast<double>(1 + j) / static_cast<double>(k));
        squares += b * b;
      }
      double above = 0;
      for (options.seed = 0; options.seed < seeds; ++options.seed) {
        const Planted p = plant(m, options);
        double z = 0;
        for (std::size_t i = 0; i < options.dim; ++i) z += p.queries[i] * p.keys[k * options.dim + i];
        above += z > c * std::sqrt(squares);
      }
      const double exact =
          nu == 1 ? 0.5 - std::atan(c) / std::numbers::pi : 0.5 - c / (2 * std::sqrt(1 + c * c));
      CHECK(above <= support::most_successes(exact, seeds));
      CHECK(seeds - above <= support::most_successes(1 - exact, seeds));
    }
  }
}

TEST_CASE("precision is missed as rarely as promised, and not much more rarely") {
  const std::size_t seeds = 1000;
  for (const std::size_t k : {1u, 2u}) {
    const SparsePattern m = random_pattern(64, k, 10.0, 7);
    PlantOptions options;
    options.failure = 0.1;
    const auto missed = [&](std::size_t dim) {
      double count = 0;
      options.dim = dim;
      for (options.seed = 0; options.seed < seeds; ++options.seed) {
        const Planted p = plant(m, options);
        count += !planted::precision(m, p).meets(p.options.epsilon1, p.options.epsilon2);
      }
      return count;
    };
    const std::size_t bound = planted_dim(shape_of(m), options).dim;
    CHECK(missed(bound) <= support::most_successes(0.1, seeds));
    CHECK(missed(bound * 3 / 4) > support::most_successes(0.1, seeds));
  }
}

TEST_CASE("the bound is its formula, and logarithmic in L") {
  PlantOptions options;
  options.epsilon2 = 1e-4;
  for (const std::size_t k : {1u, 2u, 4u}) {
    const double length = std::sqrt(static_cast<double>(k)) * 4, c = 3 / length;
    std::vector<double> dims;
    for (const std::size_t size : {64u, 1024u, 16384u}) {
      const auto found = planted_dim({size, size, k, k, 10.0}, options);
      CHECK(found.dim == found.bound);
      const double n = static_cast<double>(size);
      const double simple = 2 * std::log(n * n / 0.02) / std::log1p(c * c) + static_cast<double>(k);
      CHECK(static_cast<double>(found.bound) <= simple);
      CHECK(static_cast<double>(found.bound) >= 0.7 * simple);
      dims.push_back(static_cast<double>(found.bound));
    }
    CHECK(dims[2] - dims[1] == Approx(dims[1] - dims[0]).epsilon(0.05));  // 16 times L, the same step
  }
  options.construction = Construction::svd;
  options.epsilon1 = 0.5;
  const auto found = planted_dim({64, 64, 2, 2, 3.0}, options);
  const double t = std::log(1.5) / 2 / (2 * std::log(1.5 / 1e-4));
  CHECK(static_cast<double>(found.bound) ==
        Approx(2 * std::log(2 * 4096 / 0.01) / (t - std::log1p(t))).epsilon(1e-4));
  CHECK(found.dim == 64);
}

TEST_CASE("the search ends between a dimension that is met and one that is not") {
  PlantOptions options;
  for (const auto construction : {Construction::interpolating, Construction::svd}) {
    options.construction = construction;
    const SparsePattern m = random_pattern(48, 2, 4.0, 2);
    const auto found = heavykeys::smallest_dim(m, options, 2);
    CHECK(found.dim >= 2);
    CHECK(found.dim <= found.bound.bound);
    CHECK(heavykeys::parallel::smallest_dim(m, options, 2, {.threads = 2}).tries == found.tries);
    for (const auto& tried : found.tries) {
      bool met = true;
      for (std::uint64_t seed = 0; seed < 2; ++seed) {
        PlantOptions at = options;
        at.dim = tried.dim;
        at.seed = seed;
        const Planted p = plant(m, at);
        met = met && planted::precision(m, p).meets(p.options.epsilon1, p.options.epsilon2);
      }
      CHECK(met == tried.met);
      CHECK((tried.dim < found.dim ? !tried.met : tried.met));
    }
  }
  CHECK_THROWS_WITH(heavykeys::smallest_dim(random_pattern(4, 1, 1.0, 1), options, 0),
                    Contains("trials is 0"));
}
