// Planted attention: the promised precision in every trial, the planted entries back from a scan, the same
// bytes everywhere.
#include <catch2/catch.hpp>
#include <cmath>
#include <string>

#include "heavykeys/error.hpp"
#include "heavykeys/isa.hpp"
#include "heavykeys/parallel.hpp"
#include "patterns/planted.hpp"

using Catch::Matchers::Contains;
using heavykeys::Construction;
using heavykeys::InvalidInput;
using heavykeys::plant;
using heavykeys::Planted;
using heavykeys::planted_dim;
using heavykeys::PlantOptions;
using heavykeys::random_pattern;
using heavykeys::Score;
using heavykeys::SparsePattern;

namespace {

void check_found_by_scan(const SparsePattern& m, const Planted& p) {
  const auto found = planted::precision(m, p);
  REQUIRE(found.separating_epsilon);
  CHECK(found.off_support < *found.separating_epsilon);
  CHECK(*found.separating_epsilon < found.least_planted);
  heavykeys::Scan scan(Score::from_name("softmax"), *found.separating_epsilon, planted::queries_of(p));
  heavykeys::parallel::absorb(scan, planted::keys_of(p));
  CHECK(planted::pairs_of(scan.finish()) == planted::support(m));
}

/// The promise: P[some precision is missed] <= failure for each trial.
void check_promise(std::size_t size, std::size_t k, std::uint64_t trials, PlantOptions options) {
  for (std::uint64_t seed = 0; seed < trials; ++seed) {
    const SparsePattern m = random_pattern(size, k, 10.0, seed);
    options.seed = seed;
    const Planted p = plant(m, options);
    CHECK(p.options.dim == p.bound.dim);
    const auto found = planted::precision(m, p);
    INFO("L " << size << ", k " << k << ", r " << p.options.dim << ", ratios " << found.ratio_error
              << ", off the support " << found.off_support << " of " << p.options.epsilon2);
    CHECK(found.meets(p.options.epsilon1, p.options.epsilon2));
    CHECK(found.off_support_mass <= static_cast<double>(size) * p.options.epsilon2);
    if (seed == 0) check_found_by_scan(m, p);
  }
}

}  // namespace

TEST_CASE(
    "interpolation meets both precisions in every trial at the bound, and a scan finds what was planted") {
  PlantOptions options;
  options.epsilon1 = 1e-9;  // free: ratios are exact up to rounding
  options.failure = 1e-5;   // of each of the 174 trials: all are met with probability > 0.998
  for (const std::size_t k : {1u, 2u, 4u}) {
    check_promise(64, k, 40, options);
    check_promise(256, k, 12, options);
    check_promise(1024, k, 4, options);
    check_promise(4096, k, 2, options);
  }
}

TEST_CASE("interpolation of rows of different lengths, of more keys than queries, and of a great ratio") {
  const SparsePattern m{
      3, 40, {0, 1, 6, 8}, {39, 0, 1, 2, 3, 4, 7, 39}, {2.0, 1e-30, 1.0, 5.0, 1e8, 3.0, 1.0, 1.0}};
  for (const double epsilon2 : {1e-3, 0.3, 1e-60}) {
    PlantOptions options;
    options.epsilon2 = epsilon2;
    options.epsilon1 = 1e-6;
    const Planted p = plant(m, options);
    CHECK(planted::precision(m, p).meets(1e-6, epsilon2));
  }
  const SparsePattern all{2, 2, {0, 2, 4}, {0, 1, 0, 1}, {1, 2, 3, 4}};  // nothing is off the support
  const Planted p = plant(all);
  const auto found = planted::precision(all, p);
  CHECK(found.meets(1e-9, 0.0));
  CHECK(found.max_error < 1e-9);
  check_found_by_scan(all, p);
}

TEST_CASE("the svd construction is exact without a projection") {
  PlantOptions options;
  options.construction = Construction::svd;
  for (const std::size_t k : {1u, 2u, 4u}) {
    for (const std::size_t size : {16u, 64u, 128u}) {
      const SparsePattern m = random_pattern(size, k, 10.0, size);
      const Planted p = plant(m, options);
      CHECK(p.exact);
      CHECK(p.options.dim <= size);
      CHECK(p.bound.bound > size);  // vacuous here: docs/sparse_patterns.md
      const auto found = planted::precision(m, p);
      CHECK(found.meets(1e-9, p.options.epsilon2 * (1 + 1e-9)));
      check_found_by_scan(m, p);
    }
  }
}

TEST_CASE("the svd construction meets both precisions at a bound below L") {
  PlantOptions options;
  options.construction = Construction::svd;
  options.failure = 1e-3;
  options.logit = 200;  // far above ln(1 / epsilon2): the tolerance tends to half the length
  const SparsePattern m = random_pattern(600, 1, 1.0, 1);
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    options.seed = seed;
    const Planted p = plant(m, options);
    CHECK(p.bound.bound < 600);
    CHECK(p.options.dim == p.bound.bound);
    CHECK(p.rank == 600);
    CHECK_FALSE(p.exact);
    CHECK(planted::precision(m, p).meets(options.epsilon1, p.options.epsilon2));
    if (seed == 0) check_found_by_scan(m, p);
  }
}

TEST_CASE("X and the fixed projections give queries and keys") {
  for (const auto construction : {Construction::interpolating, Construction::svd}) {
    PlantOptions options;
    options.construction = construction;
    options.dim = 5;
    const SparsePattern m{2, 3, {0, 2, 3}, {0, 2, 1}, {1.0, 4.0, 2.0}};
    const Planted p = plant(m, options);
    const std::size_t r = 5;
    const auto x = heavykeys::planted_inputs(p), wq = heavykeys::query_projection(r),
               wk = heavykeys::key_projection(r);
    REQUIRE(x.size() == 3 * 2 * r);
    REQUIRE((wq.size() == 2 * r * r && wk.size() == 2 * r * r));
    const auto product = [&](std::size_t i, const std::vector<double>& w, std::size_t c) {
      double sum = 0;
      for (std::size_t l = 0; l < 2 * r; ++l) sum += x[i * 2 * r + l] * w[l * r + c];
      return sum;
    };
    for (std::size_t c = 0; c < r; ++c) {
      for (std::size_t i = 0; i < 2; ++i) CHECK(product(i, wq, c) == p.queries[i * r + c]);
      for (std::size_t j = 0; j < 3; ++j) CHECK(product(j, wk, c) == p.keys[j * r + c]);
    }
  }
}

TEST_CASE("the same seed gives the same bytes, on every instruction set") {
  const SparsePattern m = random_pattern(70, 3, 20.0, 5);
  const std::string best = heavykeys::active_isa();
  for (const auto construction : {Construction::interpolating, Construction::svd}) {
    PlantOptions options;
    options.construction = construction;
    options.dim = 37;
    options.seed = 11;
    const Planted p = plant(m, options);
    const auto found = planted::precision(m, p);
    for (const std::string& isa : heavykeys::available_isas()) {
      heavykeys::set_isa(isa);
      CHECK(plant(m, options) == p);
      CHECK(planted::precision(m, p) == found);
      CHECK(random_pattern(70, 3, 20.0, 5) == m);
    }
    heavykeys::set_isa(best);
    for (const int threads : {1, 2, 3})
      CHECK(heavykeys::parallel::verify(m, planted::queries_of(p), planted::keys_of(p),
                                        {.threads = threads}) == found);
    options.seed = 12;
    CHECK(plant(m, options).keys != p.keys);
  }
}

TEST_CASE("options out of range are refused with their values") {
  const SparsePattern m = random_pattern(8, 2, 4.0, 1);
  const auto refused = [&](auto change, const std::string& words) {
    PlantOptions options;
    change(options);
    CHECK_THROWS_WITH(plant(m, options), Contains(words));
    CHECK_THROWS_AS(plant(m, options), InvalidInput);
  };
  refused([](PlantOptions& o) { o.epsilon1 = 0; }, "epsilon1 is 0");
  refused([](PlantOptions& o) { o.epsilon1 = std::nan(""); }, "epsilon1 is nan");
  refused([](PlantOptions& o) { o.epsilon2 = 1; }, "epsilon2 is 1");
  refused([](PlantOptions& o) { o.epsilon2 = -1; }, "epsilon2 is -1");
  refused([](PlantOptions& o) { o.failure = 0; }, "failure is 0");
  refused([](PlantOptions& o) { o.failure = 1; }, "failure is 1");
  refused([](PlantOptions& o) { o.logit = 1, o.epsilon2 = 0.1; }, "logit is 1");
  refused([](PlantOptions& o) { o.dim = 1; },
          "row 0 has 2 entries; they cannot be interpolated in dimension 1");
  refused([](PlantOptions& o) { o.dim = std::size_t{1} << 40; }, "dim is 1099511627776 for 8 rows");
  CHECK_THROWS_AS(planted_dim({4, 4, 5, 1, 1.0}), InvalidInput);
  CHECK_THROWS_AS(planted_dim({4, 4, 1, 1, 0.5}), InvalidInput);
}

TEST_CASE("what would take too much memory is refused before it is asked for") {
  const std::size_t wide = std::size_t{1} << 32;
  const SparsePattern few{1, wide, {0, 1}, {4294967295}, {1.0}};
  CHECK_THROWS_WITH(plant(few), Contains("for 4294967296 rows; at most 2^14, and 2^28 elements"));
  CHECK_THROWS_AS(plant(few), InvalidInput);
  CHECK_THROWS_AS(heavykeys::smallest_dim(few, {}, 1), InvalidInput);
  PlantOptions options;
  options.construction = Construction::svd;
  CHECK_THROWS_AS(plant(few, options), InvalidInput);
  CHECK_THROWS_WITH(heavykeys::smallest_dim(few, options, 1), Contains("the svd of 1 x 4294967296 logits"));
  options = {};
  options.dim = (std::size_t{1} << 14) + 1;
  CHECK_THROWS_WITH(plant(random_pattern(4, 1, 1.0, 1), options), Contains("dim is 16385 for 4 rows"));
  CHECK_THROWS_WITH(heavykeys::query_projection(options.dim), Contains("dim is 16385"));
  CHECK_THROWS_AS(heavykeys::key_projection(std::size_t{1} << 60), InvalidInput);
}
