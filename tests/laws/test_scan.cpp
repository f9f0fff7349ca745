// The scan against brute force in long double: every kind of score on every adversarial family of keys.
#include <catch2/catch.hpp>
#include <cmath>

#include "engines/engine.hpp"
#include "heavykeys/heavykeys.hpp"
#include "laws/scan_truth.hpp"
#include "support/problems.hpp"

namespace {

using heavykeys::Score;

double huber(double x) { return std::fabs(x) <= 1 ? x * x / 2 : std::fabs(x) - 0.5; }

/// The largest sum |q_i k_i|, to choose a scale of softmax by.
double greatest_product(const support::Matrix& queries, const support::Matrix& keys) {
  double top = 0;
  for (std::size_t i = 0; i < queries.rows; ++i) {
    for (std::size_t j = 0; j < keys.rows; ++j) {
      double x = 0;
      for (std::size_t c = 0; c < keys.cols; ++c) x += std::fabs(queries(i, c) * keys(j, c));
      top = std::max(top, x);
    }
  }
  return top;
}

/// Score number `kind`; softmax with logits up to 1, 30, 1e4 and, negated, 300.
Score make_score(std::size_t kind, double top) {
  // Families at the ends of the range are for the scores that take them.
  if (kind >= 9 && !(top < 1e250)) return Score::power(1.5);
  const double unit = top > 1e-300 ? 1 / top : 1.0;
  switch (kind) {
    case 0:
      return Score::power(2);
    case 1:
      return Score::power(1);
    case 2:
      return Score::power(0.5);
    case 3:
      return Score::power(3);
    case 4:
      return Score::power(64);
    case 5:
      return Score::power(2.3);
    case 6:
      return Score::expressive();
    case 7:
      return Score::polynomial({0.0, 1.0, 0.5});
    case 8:
      return Score::polynomial({2.0, 0.0, 0.0, 1.0});
    case 9:
      return Score::custom("huber", huber, 2);
    case 10:
      return Score::softmax(unit);
    case 11:
      return Score::softmax(30 * unit);
    case 12:
      return Score::softmax(1e4 * unit);
    default:
      return Score::softmax(-300 * unit);
  }
}
constexpr std::size_t kKinds = 14;

}  // namespace

TEST_CASE("on adversarial keys every score's entries are those of brute force, causal or not") {
  const std::uint64_t count = 4 * kKinds * support::families().size();
  std::size_t entries = 0;
  for (std::uint64_t seed = 0; seed < count; ++seed) {
    const support::Problem p = support::draw(seed, {100, 8});
    support::Random random(seed);
    const support::Matrix& keys = p.keys.values();
    const support::Buffer queries(engines::make_queries(keys, 5, random), heavykeys::Dtype::f64);
    const support::Matrix& q = queries.values();
    const Score score = make_score(seed / support::families().size() % kKinds, greatest_product(q, keys));
    INFO(p.name + " " + score.name());
    const bool causal = random.coin();
    const auto found =
        heavykeys::scan(score, p.spec.epsilon, queries.rows(), p.keys.rows(), {.causal = causal});
    REQUIRE(found.query_count() == q.rows);
    std::string wrong;
    for (std::size_t i = 0; i < q.rows; ++i) {
      const std::size_t sees = causal ? truth::visible(i, q.rows, keys.rows) : keys.rows;
      const auto w = truth::weights(score, q.row(i), keys, sees);
      // Long double rounds the exponent of softmax too: 1e4 2^-64.
      wrong += truth::difference(found, i, w, p.spec.epsilon, 1e-14L);
    }
    CHECK(wrong == "");
    entries += found.keys.size();
  }
  CHECK(entries >= 10000);
}
