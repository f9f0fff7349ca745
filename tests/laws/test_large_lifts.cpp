// Lifts of the greatest size served: x^4 of 64 columns (2,080 products) and x^6 of 22 (2,024).
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/parallel.hpp"
#include "heavykeys/streaming.hpp"
#include "support/random.hpp"

using heavykeys::HeavyEntries;
using heavykeys::Score;
using heavykeys::Sketch;

namespace {

/// Whole numbers from -7 to 7: products fit a long double exactly. Every 400th key is six times as long.
std::vector<float> keys_of(std::size_t n, std::size_t d) {
  support::Random random(n + d);
  std::vector<float> k(n * d);
  for (std::size_t i = 0; i < n * d; ++i) {
    k[i] = static_cast<float>(random.integer(-7, 7) * (i / d % 400 == 0 ? 6 : 1));
  }
  return k;
}

void check_entries(const HeavyEntries& found, const std::vector<float>& k, const std::vector<float>& q,
                   std::size_t d, int power, double epsilon) {
  for (std::size_t i = 0; i * d < q.size(); ++i) {
    std::vector<long double> f(k.size() / d);
    long double sum = 0.0L;
    for (std::size_t j = 0; j < f.size(); ++j) {
      long double x = 0.0L;
      for (std::size_t c = 0; c < d; ++c) x += static_cast<long double>(q[i * d + c]) * k[j * d + c];
      f[j] = std::pow(x, power);
      sum += f[j];
    }
    std::vector<heavykeys::KeyId> listed;
    for (auto e = static_cast<std::size_t>(found.indptr[i]);
         e < static_cast<std::size_t>(found.indptr[i + 1]); ++e) {
      const double weight = static_cast<double>(f[found.keys[e].row] / sum);
      REQUIRE(found.lower[e] <= weight * (1 + 1e-15));
      REQUIRE(weight * (1 - 1e-15) <= found.upper[e]);
      REQUIRE(found.upper[e] - found.lower[e] <= 1e-10);
      listed.push_back(found.keys[e]);
    }
    std::vector<heavykeys::KeyId> heavy;
    for (std::size_t j = 0; j < f.size(); ++j) {
      if (f[j] >= epsilon * sum) heavy.push_back({0, j});
    }
    REQUIRE(listed == heavy);
  }
}

void lift_of(std::size_t d, int power, std::size_t n) {
  const double epsilon = 0.25;
  const std::vector<float> k = keys_of(n, d);
  heavykeys::Spec spec{.dim = d, .epsilon = epsilon, .score = Score::power(power), .block_rows = 1024};
  Sketch whole(spec), first(spec), second(spec);
  const auto all = heavykeys::rows(k.data(), n, d);
  heavykeys::parallel::absorb(whole, all, {.threads = 2});
  const std::size_t cut = 1500;  // inside a block
  heavykeys::streaming::absorb(second, all.slice(cut, n - cut));
  heavykeys::streaming::absorb(first, all.slice(0, cut));
  merge(first, second);
  const auto bytes = to_bytes(whole);
  REQUIRE(to_bytes(first) == bytes);

  const auto set = finalize(whole);
  REQUIRE(set.rank() == (power == 4 ? 2080 : 2024));
  REQUIRE(static_cast<double>(set.size()) <= set.size_bound());
  REQUIRE(set.size() >= n / 400);  // the long keys, whose own direction gives them almost everything
  for (std::size_t u = 0, j = 0; j < n; j += 400) {
    while (u < set.size() && set.ids()[u].row < j) ++u;
    REQUIRE(u < set.size());
    REQUIRE(set.ids()[u].row == j);
  }
  std::vector<float> q(k.begin(), k.begin() + static_cast<std::ptrdiff_t>(2 * d));
  q.insert(q.end(), k.begin() + static_cast<std::ptrdiff_t>(400 * d),
           k.begin() + static_cast<std::ptrdiff_t>(401 * d));
  const HeavyEntries found = heavy_entries(set, heavykeys::rows(q.data(), 3, d));
  REQUIRE(found.keys.size() >= 2);
  check_entries(found, k, q, d, power, epsilon);
}

}  // namespace

TEST_CASE("x^4 of 64 columns: 2,080 products, the same bytes from any partition, exact entries") {
  lift_of(64, 4, 3000);
}
TEST_CASE("x^6 of 22 columns: 2,024 products, the same bytes from any partition, exact entries") {
  lift_of(22, 6, 3000);
}
