// Large universal sets: integers tell which keys a query can reach, and the entries are those of all
// products.
#include <catch2/catch.hpp>
#include <cmath>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/streaming.hpp"
#include "lib/universal_set_access.hpp"
#include "lib/weigh_queries.hpp"
#include "support/families.hpp"
#include "support/matrix.hpp"
#include "support/random.hpp"

using heavykeys::HeavyEntries;
using heavykeys::Score;
using heavykeys::UniversalSet;

namespace {

struct Large {
  support::Matrix keys;
  UniversalSet set;
};

/// A set of at least 512 keys; `kind` chooses what makes it hard.
Large make_large(std::uint64_t kind, const Score& score, std::size_t d, std::size_t n, double epsilon,
                 support::Random& random) {
  support::Matrix keys = support::gaussian({n, d}, random);
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = 0; i < d; ++i) {
      if (kind == 1) keys(j, i) = std::ldexp(keys(j, i), static_cast<int>(i * 7 % 41) - 20);
      if (kind == 2) keys(j, i) += 30.0;  // nearly one direction
      if (kind == 3 && j % 50 == 0) keys(j, i) *= 1000.0;
      if (kind == 4) keys(j, i) = std::round(4 * keys(j, i));  // ties
      if (kind == 5 && j % 2 == 1) keys(j, i) = keys(j - 1, i) * (1.0 + std::ldexp(1.0, -20));
      if (kind == 6) keys(j, i) = std::ldexp(keys(j, i), -900);
    }
  }
  heavykeys::Sketch sketch({.dim = d, .epsilon = epsilon, .score = score});
  heavykeys::streaming::absorb(sketch, heavykeys::rows(keys.values.data(), n, d));
  return {std::move(keys), heavykeys::finalize(sketch)};
}

support::Matrix make_queries(const support::Matrix& keys, support::Random& random) {
  support::Matrix q = support::gaussian({40, keys.cols}, random);
  for (std::size_t a = 0; a < q.rows; ++a) {
    const std::size_t j = random.below(keys.rows);
    for (std::size_t i = 0; i < q.cols; ++i) {
      // Along a key, as a key is under the inverse of a diagonal metric, or anywhere; one of zeros.
      if (a % 4 == 1) q(a, i) = keys(j, i);
      if (a % 4 == 2 && keys(j, i) != 0.0) q(a, i) = 1.0 / keys(j, i);
      if (a % 4 == 3) q(a, i) = std::ldexp(q(a, i), random.integer(-60, 60));
      if (a == 5) q(a, i) = 0.0;
      q(a, i) = std::isfinite(q(a, i)) ? q(a, i) : 1.0;
    }
  }
  return q;
}

}  // namespace

TEST_CASE("entries of large universal sets are those of all products, to the byte") {
  std::size_t entries = 0, large = 0;
  struct Shape {
    Score score;
    std::size_t d, n;
    double epsilon;
  };
  for (const Shape& shape :
       {Shape{Score::power(2), 20, 1500, 0.01}, Shape{Score::power(4), 5, 1500, 0.008},
        Shape{Score::polynomial({0.0, 1.0, 0.5}), 4, 1400, 0.008}, Shape{Score::power(2), 63, 2100, 0.03}}) {
    for (std::uint64_t kind = 0; kind < 7; ++kind) {
      support::Random random(kind);
      const Large big = make_large(kind, shape.score, shape.d, shape.n, shape.epsilon, random);
      CAPTURE(kind, shape.score.name(), shape.d, big.set.size());
      const auto& panel = heavykeys::detail::UniversalSetAccess::panel(big.set);
      large += panel.integers ? 1 : 0;
      if (!panel.integers) continue;
      heavykeys::detail::KeyPanel plain = panel;
      plain.integers.reset();
      const support::Matrix q = make_queries(big.keys, random);
      const heavykeys::Rows queries = heavykeys::rows(q.values.data(), q.rows, q.cols);
      const HeavyEntries want = heavykeys::detail::weigh_queries(
          {plain, plain.count(), heavykeys::detail::UniversalSetAccess::sums(big.set)}, queries,
          [](std::size_t) { return std::size_t{0}; }, {});
      for (const std::string& isa : heavykeys::available_isas()) {
        heavykeys::set_isa(isa);
        CHECK(heavykeys::heavy_entries(big.set, queries) == want);
      }
      heavykeys::set_isa(heavykeys::available_isas().back());
      entries += want.keys.size();
    }
  }
  CHECK(large >= 20);
  CHECK(entries >= 2000);
}
