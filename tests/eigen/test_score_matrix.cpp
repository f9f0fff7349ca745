// Score matrices by hand and against long double.
#include <catch2/catch.hpp>
#include <cmath>

#include "engines/engine.hpp"
#include "heavykeys/heavykeys.hpp"
#include "support/families.hpp"

using Catch::Contains;
using heavykeys::Normalisation;
using heavykeys::score_matrix;

TEST_CASE("scores by hand") {
  const std::vector<float> q{1, 0, 0, 0, /**/ 0, 2, 0, 0}, k{1, 1, 0, 0, /**/ 3, 0, 0, 0, /**/ 0, -1, 5, 0};
  const auto queries = heavykeys::rows(q.data(), 2, 4), keys = heavykeys::rows(k.data(), 3, 4);
  CHECK(score_matrix(queries, keys) == std::vector<double>{0.5, 1.5, 0, 1, 0, -1});
  CHECK(score_matrix(queries, keys, {.scale = -2}) == std::vector<double>{-2, -6, 0, -4, 0, 4});
  const auto weights = score_matrix(queries, keys, {.scale = 1, .normalisation = Normalisation::softmax});
  const double sum = std::exp(1.0) + std::exp(3.0) + 1;
  CHECK(weights[0] == Approx(std::exp(1.0) / sum).epsilon(1e-14));
  CHECK(weights[2] == Approx(1 / sum).epsilon(1e-14));
  const auto causal =
      score_matrix(queries, keys, {.scale = 1, .normalisation = Normalisation::softmax, .causal = true});
  CHECK(causal[2] == 0.0);  // query 0 is at position 1 of 3
  CHECK(causal[0] == Approx(1 / (1 + std::exp(2.0))).epsilon(1e-14));
  CHECK(causal[5] > 0.0);
  CHECK(score_matrix(queries, keys, {.causal = true}) == score_matrix(queries, keys));
}

TEST_CASE("scores against long double, on every instruction set") {
  support::Random random(1);
  for (int round = 0; round < 12; ++round) {
    const std::size_t m = random.below(90), n = 1 + random.below(90), d = 1 + random.below(70);
    const auto q = support::gaussian({m, d}, random), k = support::gaussian({n, d}, random);
    const auto queries = heavykeys::rows(q.values.data(), m, d),
               keys = heavykeys::rows(k.values.data(), n, d);
    const auto x = score_matrix(queries, keys);
    const auto w = score_matrix(queries, keys, {.normalisation = Normalisation::softmax});
    REQUIRE(x.size() == m * n);
    for (std::size_t i = 0; i < m; ++i) {
      long double sum = 0;
      std::vector<long double> truth(n);
      for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t c = 0; c < d; ++c) truth[j] += static_cast<long double>(q(i, c)) * k(j, c);
        truth[j] /= std::sqrt(static_cast<long double>(d));
        sum += std::exp(truth[j]);
      }
      for (std::size_t j = 0; j < n; ++j) {
        CHECK(std::abs(static_cast<double>(x[i * n + j] - truth[j])) < 1e-13);
        CHECK(std::abs(static_cast<double>(w[i * n + j] - std::exp(truth[j]) / sum)) < 1e-13);
      }
    }
    for (const std::string& isa : heavykeys::available_isas()) {
      const engines::UsingIsa forced(isa);
      CHECK(score_matrix(queries, keys) == x);
      CHECK(score_matrix(queries, keys, {.normalisation = Normalisation::softmax}) == w);
    }
  }
}

TEST_CASE("bad queries and keys are refused by name") {
  std::vector<double> q{1, 2}, k{1, 2, 3};
  const auto two = heavykeys::rows(q.data(), 1, 2);
  CHECK_THROWS_WITH(score_matrix(two, heavykeys::rows(k.data(), 1, 3)),
                    Contains("2 columns") && Contains("3"));
  CHECK_THROWS_WITH(score_matrix(heavykeys::rows(q.data(), 2, 1), heavykeys::rows(k.data(), 1, 1),
                                 {.normalisation = Normalisation::softmax, .causal = true}),
                    Contains("2 queries") && Contains("1 keys"));
  CHECK_THROWS_WITH(score_matrix(two, two, {.scale = std::nan("")}), Contains("scale"));
  q[1] = 1e300;
  CHECK_THROWS_WITH(score_matrix(two, two), Contains("query 0") && Contains("key 0"));
  q[1] = std::nan("");
  CHECK_THROWS_WITH(score_matrix(two, two), Contains("NaN at row 0, column 1"));
}
