// Faults that review found in the scores' first version, each as a test.
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/streaming.hpp"
#include "support/random.hpp"

using heavykeys::HeavyEntries;
using heavykeys::Mode;
using heavykeys::Score;
using heavykeys::Sketch;
using heavykeys::Spec;
using heavykeys::UniversalSet;

namespace {

/// Sixteen blocks, block b of 64 copies of e_b but for one row 1.25 e_0. |x|^10 at d = 16 is beyond the lift.
Sketch axis_blocks(std::size_t d, std::size_t rows_each, std::vector<double>& k) {
  k.assign(d * rows_each * d, 0.0);
  for (std::size_t b = 0; b < d; ++b) {
    for (std::size_t r = 0; r < rows_each; ++r) k[(b * rows_each + r) * d + b] = 1.0;
  }
  k[0] = 1.25;
  Spec spec{.dim = d, .epsilon = 1.0 / 32, .score = Score::power(10), .block_rows = rows_each};
  Sketch sketch(spec);
  for (std::size_t b = 0; b < d; ++b) {
    heavykeys::streaming::absorb(sketch,
                                 heavykeys::rows(k.data() + b * rows_each * d, rows_each, d, b * rows_each));
  }
  return sketch;
}

}  // namespace

TEST_CASE("with arrival weights, rows dropped by an earlier threshold are bounded as well") {
  std::vector<double> k;
  const Sketch sketch = axis_blocks(16, 64, k);
  const UniversalSet set = finalize(sketch);
  std::vector<double> q(16, 0.0);
  q[0] = 1.0;
  const double weight = std::pow(1.25, 10) / (std::pow(1.25, 10) + 63);  // of the first key
  for (const Mode mode : {Mode::no_false_negatives, Mode::no_false_positives}) {
    const HeavyEntries found = heavy_entries(set, heavykeys::rows(q.data(), 1, 16), {.mode = mode});
    for (std::size_t e = 0; e < found.keys.size(); ++e) {
      if (found.keys[e].row != 0) continue;
      CAPTURE(found.lower[e], found.upper[e], weight);
      CHECK(found.lower[e] <= weight);
      CHECK(weight <= found.upper[e]);
    }
    if (mode == Mode::no_false_negatives) {
      REQUIRE_FALSE(found.keys.empty());
      CHECK(found.keys[0].row == 0);
    }
  }
}

TEST_CASE("a sketch with arrival weights reads back as it was written") {
  std::vector<double> k;
  const Sketch sketch = axis_blocks(16, 64, k);
  const std::vector<std::byte> bytes = to_bytes(sketch);
  CHECK(to_bytes(heavykeys::from_bytes(bytes)) == bytes);
}

TEST_CASE("entries of an onion do not depend on the light candidates that happen to be carried") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    support::Random random(seed);
    const std::size_t d = 2, n = 64;
    std::vector<double> k(n * d), q(20 * d);
    for (std::size_t i = 0; i < n * d; ++i) k[i] = 0.001 * random.gaussian() * (i < 3 * d ? 50 : 1);
    for (double& v : q) v = 3000 * random.gaussian();
    Sketch sketch(
        {.dim = d, .epsilon = 0.2, .score = Score::expressive(), .block_rows = 64, .sample_rows = 0});
    heavykeys::streaming::absorb(sketch, heavykeys::rows(k.data(), n, d));
    const Sketch back = heavykeys::from_bytes(to_bytes(sketch));
    const auto queries = heavykeys::rows(q.data(), 20, d);
    CAPTURE(seed);
    REQUIRE(heavy_entries(finalize(sketch), queries) == heavy_entries(finalize(back), queries));
  }
}

TEST_CASE("a sample that holds every row outside U makes the sum exact, without a confidence") {
  support::Random random(5);
  const std::size_t d = 3, n = 500;
  std::vector<double> k(n * d), q(30 * d);
  for (double& v : k) v = random.gaussian() / std::fabs(random.gaussian());
  for (double& v : q) v = 0.01 * random.gaussian();
  for (const Score& score : {Score::expressive(), Score::power(1.0), Score::power(3.0)}) {
    Sketch sketch({.dim = d, .epsilon = 0.02, .score = score});
    heavykeys::streaming::absorb(sketch, heavykeys::rows(k.data(), n, d));
    const HeavyEntries found = heavy_entries(finalize(sketch), heavykeys::rows(q.data(), 30, d));
    REQUIRE(found.keys.size() > 30);
    for (std::size_t e = 0; e < found.keys.size(); ++e) REQUIRE(found.upper[e] - found.lower[e] <= 1e-10);
  }
}

TEST_CASE("zeros only, with arrival weights: nothing is heavy, and nothing hangs") {
  const std::vector<double> k(35 * 3, 0.0);
  Sketch sketch({.dim = 3, .epsilon = 0.2, .score = Score::power(11), .block_rows = 16});
  heavykeys::streaming::absorb(sketch, heavykeys::rows(k.data(), 35, 3));
  const UniversalSet set = finalize(sketch);
  CHECK(set.size() == 0);
  CHECK(set.size_bound() == 0.0);
  const std::vector<double> q{1.0, 2.0, 3.0};
  CHECK(heavy_entries(set, heavykeys::rows(q.data(), 1, 3)).keys.empty());
  CHECK(to_bytes(heavykeys::from_bytes(to_bytes(sketch))) == to_bytes(sketch));
}
