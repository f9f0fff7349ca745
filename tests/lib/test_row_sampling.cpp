// Sampling by leverage: the sampled Gram matrix lies within the distortion as often as promised.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>
#include <span>

#include "heavykeys/error.hpp"
#include "heavykeys/leverage.hpp"
#include "heavykeys/row_sampling.hpp"
#include "support/chance.hpp"
#include "support/matrix.hpp"
#include "support/random.hpp"

using heavykeys::RowSampling;
using heavykeys::sample_by_leverage;

namespace {

std::vector<double> gram(const std::vector<double>& k, std::size_t d) {
  std::vector<double> g(d * d, 0.0);
  for (std::size_t r = 0; r < k.size() / d; ++r) {
    for (std::size_t i = 0; i < d; ++i) {
      for (std::size_t j = 0; j < d; ++j) g[i * d + j] += k[r * d + i] * k[r * d + j];
    }
  }
  return g;
}

/// a A + b B is positive definite, by elimination.
bool positive(double a, const std::vector<double>& big_a, double b, const std::vector<double>& big_b,
              std::size_t d) {
  std::vector<long double> m(d * d);
  for (std::size_t i = 0; i < d * d; ++i)
    m[i] = static_cast<long double>(a) * big_a[i] + static_cast<long double>(b) * big_b[i];
  for (std::size_t k = 0; k < d; ++k) {
    if (!(m[k * d + k] > 0)) return false;
    for (std::size_t i = k + 1; i < d; ++i) {
      for (std::size_t j = k + 1; j < d; ++j) m[i * d + j] -= m[i * d + k] * m[k * d + j] / m[k * d + k];
    }
  }
  return true;
}

/// All generalized eigenvalues of (sampled, whole) lie strictly within 1 -+ distortion.
bool within(const std::vector<double>& sampled, const std::vector<double>& whole, double distortion,
            std::size_t d) {
  return positive(1, sampled, -(1 - distortion), whole, d) && positive(-1, sampled, 1 + distortion, whole, d);
}

/// Many small rows, some four times larger, one alone in its direction, one of zeros.
support::Matrix keys_of(std::size_t n, std::size_t d, support::Random& random) {
  support::Matrix k(n, d);
  for (std::size_t r = 0; r + 2 < n; ++r) {
    const double scale = r % 100 == 0 ? 4 : 1;
    for (std::size_t c = 0; c + 1 < d; ++c) k(r, c) = scale * random.gaussian();
  }
  k(n - 2, d - 1) = 1e-3;
  return k;
}

}  // namespace

TEST_CASE("a sample by leverage embeds the space of all keys, as often as promised") {
  support::Random random(1);
  const std::size_t n = 3000, d = 5, seeds = 200;
  const double distortion = 0.5, failure = 0.2;
  const support::Matrix k = keys_of(n, d, random);
  const auto view = heavykeys::rows(k.values.data(), n, d);
  const auto leverage = heavykeys::leverage_scores(view);
  const auto whole = gram(k.values, d);
  const double c = heavykeys::oversampling_needed(d, distortion, failure);
  std::size_t misses = 0, coarse_misses = 0, size = 0;
  std::vector<double> mean(d * d, 0.0);
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const RowSampling sampling = sample_by_leverage(view, leverage, distortion, failure, seed);
    const auto sampled = gram(apply(sampling, view), d);
    for (std::size_t i = 0; i < d * d; ++i) mean[i] += sampled[i] / static_cast<double>(seeds);
    misses += !within(sampled, whole, distortion, d);
    size += sampling.ids.size();
    REQUIRE(std::count(sampling.ids.begin(), sampling.ids.end(), heavykeys::KeyId{0, n - 2}) == 1);
    REQUIRE(std::count(sampling.ids.begin(), sampling.ids.end(), heavykeys::KeyId{0, n - 1}) == 0);
    // A sample a tenth the size is no such embedding: the count of misses can tell.
    const RowSampling coarse =
        sample_by_leverage(view, leverage, static_cast<std::size_t>(c * static_cast<double>(d) / 10), seed);
    coarse_misses += !within(gram(apply(coarse, view), d), whole, distortion, d);
  }
  CHECK(static_cast<double>(misses) <= support::most_successes(failure, seeds));
  CHECK(static_cast<double>(coarse_misses) > support::most_successes(failure, seeds));
  CHECK(static_cast<double>(size) / static_cast<double>(seeds) <= c * static_cast<double>(d) * 1.05);
  // The mean of 200 samples is a sample of 200 times the size: within 1/2 / sqrt(200) of the whole, with
  // room.
  CHECK(within(mean, whole, 0.1, d));
}

TEST_CASE("the probability of each row is min(1, c tau)") {
  const std::size_t n = 40, seeds = 4000;
  std::vector<double> k(n, 1.0), leverage(n);
  for (std::size_t j = 0; j < n; ++j) leverage[j] = static_cast<double>(j) / 800.0;
  const auto view = heavykeys::rows(k.data(), n, 1);
  const double sum = std::accumulate(leverage.begin(), leverage.end(), 0.0);
  const std::size_t sample_size = 30;  // c leverage passes 1 for the last
  std::vector<std::size_t> count(n, 0);
  double expected_size = 0.0;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const RowSampling sampling = sample_by_leverage(view, leverage, sample_size, seed);
    for (std::size_t i = 0; i < sampling.ids.size(); ++i) {
      const std::size_t j = sampling.ids[i].row;
      ++count[j];
      REQUIRE(sampling.scales[i] == Approx(1 / std::sqrt(std::min(1.0, 30 / sum * leverage[j]))));
    }
  }
  for (std::size_t j = 0; j < n; ++j) {
    const double p = std::min(1.0, 30 / sum * leverage[j]);
    expected_size += p;
    CAPTURE(j, p);
    CHECK(static_cast<double>(count[j]) <= support::most_successes(p, seeds));
    CHECK(static_cast<double>(seeds - count[j]) <= support::most_successes(1 - p, seeds));
    if (p == 1.0) CHECK(count[j] == seeds);
    if (p == 0.0) CHECK(count[j] == 0);
  }
  CHECK(expected_size <= 30.0);
}

TEST_CASE("draws are by row id: slices draw as the whole does") {
  support::Random random(2);
  const std::size_t n = 500, d = 3;
  const support::Matrix k = keys_of(n, d, random);
  heavykeys::Rows view = heavykeys::rows(k.values.data(), n, d, 77);
  view.stream = 5;
  const auto leverage = heavykeys::leverage_scores(view);
  const RowSampling all = sample_by_leverage(view, leverage, 0.5, 0.1, 3);
  CHECK(all == sample_by_leverage(view, leverage, 0.5, 0.1, 3));
  CHECK_FALSE(all == sample_by_leverage(view, leverage, 0.5, 0.1, 4));
  REQUIRE(all.ids.size() > 20);
  const auto rows = apply(all, view);
  for (std::size_t i = 0; i < all.ids.size(); ++i) {
    CHECK(all.ids[i].stream == 5);
    for (std::size_t c = 0; c < d; ++c) CHECK(rows[i * d + c] == k(all.ids[i].row - 77, c) * all.scales[i]);
  }
  // A slice whose c is the same: 256 rows of leverage 1/16 each, asked for 64 of the whole and 32 of a half.
  const std::vector<double> ones(256, 1.0), even(256, 0.0625);
  const auto whole = heavykeys::rows(ones.data(), 256, 1, 9);
  const RowSampling drawn = sample_by_leverage(whole, even, 64, 3);
  RowSampling halves;
  for (const std::size_t begin : {0u, 128u}) {
    const RowSampling half = sample_by_leverage(whole.slice(begin, 128), std::span(even).first(128), 32, 3);
    halves.ids.insert(halves.ids.end(), half.ids.begin(), half.ids.end());
    halves.scales.insert(halves.scales.end(), half.scales.begin(), half.scales.end());
  }
  CHECK(halves == drawn);
}

TEST_CASE("oversampling is its formula; what is out of range is refused") {
  CHECK(heavykeys::oversampling_needed(64, 0.5, 0.01) ==
        Approx(std::log(12800.0) / (1.5 * std::log(1.5) - 0.5)));
  CHECK(heavykeys::oversampling_needed(1, 1e-5, 0.5) == Approx(std::log(4.0) * 2e10).epsilon(1e-5));
  const double k[] = {1, 2};
  const auto view = heavykeys::rows(k, 2, 1);
  const std::vector<double> one{1}, negative{1, -1}, nan{1, NAN}, zero{0, 0};
  CHECK_THROWS_AS(sample_by_leverage(view, one, 1, 1), heavykeys::InvalidInput);
  CHECK_THROWS_AS(sample_by_leverage(view, negative, 1, 1), heavykeys::InvalidInput);
  CHECK_THROWS_AS(sample_by_leverage(view, nan, 0.5, 0.5, 1), heavykeys::InvalidInput);
  CHECK_THROWS_AS(sample_by_leverage(view, zero, 0.0, 0.5, 1), heavykeys::InvalidInput);
  CHECK_THROWS_AS(sample_by_leverage(view, zero, 0.5, 1.0, 1), heavykeys::InvalidInput);
  CHECK(sample_by_leverage(view, zero, 0.5, 0.5, 1).ids.empty());
  CHECK(sample_by_leverage(view, zero, 5, 1).ids.empty());
  CHECK_THROWS_AS(apply(RowSampling{{{0, 2}}, {1.0}}, view), heavykeys::InvalidInput);
  CHECK_THROWS_AS(apply(RowSampling{{{1, 0}}, {1.0}}, view), heavykeys::InvalidInput);
  CHECK_THROWS_AS(apply(RowSampling{{{0, 0}}, {}}, view), heavykeys::InvalidInput);
}
