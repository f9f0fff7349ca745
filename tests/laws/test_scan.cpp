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

TEST_CASE("to a tolerance, softmax's entries are those of brute force within it, and some are as wide") {
  const std::uint64_t count = 60 * support::families().size();
  std::size_t entries = 0, wide = 0;
  for (std::uint64_t seed = 0; seed < count; ++seed) {
    const support::Problem p = support::draw(seed, {700, 40});
    support::Random random(seed);
    const support::Matrix& keys = p.keys.values();
    const support::Buffer queries(engines::make_queries(keys, 5, random), heavykeys::Dtype::f64);
    const support::Matrix& q = queries.values();
    const double top = greatest_product(q, keys);
    if (!(top < 1e250 && top > 1e-250)) continue;
    const double sharpness = std::exp(8 * random.uniform() - 2) * (random.coin() ? 1 : -1);
    const double tolerance = std::pow(10.0, -1 - 3 * random.uniform());
    const Score score = Score::softmax(sharpness / top);
    const bool causal = random.coin();
    INFO(p.name + " " + score.name() << " tolerance " << tolerance << (causal ? " causal" : ""));
    heavykeys::Scan scan(score, p.spec.epsilon, queries.rows(),
                         {.causal = causal, .key_count = keys.rows, .tolerance = tolerance});
    if (keys.rows > 0) scan.absorb(p.keys.rows());
    const auto found = scan.finish();
    std::string wrong;
    for (std::size_t i = 0; i < q.rows; ++i) {
      const std::size_t sees = causal ? truth::visible(i, q.rows, keys.rows) : keys.rows;
      wrong += truth::difference(found, i, truth::weights(score, q.row(i), keys, sees), p.spec.epsilon,
                                 1e-14L, tolerance);
    }
    CHECK(wrong == "");
    entries += found.keys.size();
    for (std::size_t e = 0; e < found.keys.size(); ++e)
      wide += found.upper[e] - found.lower[e] > 1e-8 * found.weights[e] ? 1 : 0;
  }
  CHECK(entries >= 10000);
  CHECK(wide >= entries / 4);  // the first look was taken
}

TEST_CASE("to a tolerance over many batches, with keys that differ in size from batch to batch") {
  std::size_t entries = 0, wide = 0;
  for (std::uint64_t seed = 0; seed < 24; ++seed) {
    support::Random random(seed);
    const std::size_t dim = 600, n = 1100 + 97 * seed;  // batches of 256 rows
    support::Matrix keys = support::gaussian({n, dim}, random);
    for (std::size_t j = 0; j < n; ++j) {
      // Blocks to all sides of where a first look is taken: most logits near 80, and far above.
      const double size = std::ldexp(1.0, static_cast<int>(j / 256 * 7 % 5) - 2);
      for (std::size_t i = 0; i < dim; ++i) keys(j, i) *= size;
    }
    const support::Buffer k(keys, heavykeys::Dtype::f32),
        q(support::gaussian({6, dim}, random), heavykeys::Dtype::f32);
    const Score score = Score::softmax((seed % 2 == 0 ? 1.0 : -1.0) * 0.05 * (1 + random.uniform()));
    const double epsilon = 0.003, tolerance = 0.1;
    const bool causal = seed % 3 == 0;
    heavykeys::Scan scan(score, epsilon, q.rows(),
                         {.causal = causal, .key_count = n, .tolerance = tolerance});
    scan.absorb(k.rows());
    const auto found = scan.finish();
    std::string wrong;
    for (std::size_t i = 0; i < 6; ++i) {
      const std::size_t sees = causal ? truth::visible(i, 6, n) : n;
      wrong += truth::difference(found, i, truth::weights(score, q.values().row(i), k.values(), sees),
                                 epsilon, 1e-14L, tolerance);
    }
    CHECK(wrong == "");
    entries += found.keys.size();
    for (std::size_t e = 0; e < found.keys.size(); ++e)
      wide += found.upper[e] - found.lower[e] > 1e-8 * found.weights[e] ? 1 : 0;
  }
  CHECK(entries >= 1000);
  CHECK(wide >= entries / 8);
}

TEST_CASE("scan() of keys at hand lists to any tolerance what it lists to 1e-10") {
  std::size_t straddled = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    support::Random random(seed);
    // Far from the origin, so that products are large and weights much the same: many are near epsilon.
    support::Matrix keys = support::gaussian({900, 24}, random);
    for (std::size_t j = 0; j < keys.rows; ++j) keys(j, 0) += 40.0;
    const support::Buffer k(keys, heavykeys::Dtype::f32),
        q(support::gaussian({40, 24}, random), heavykeys::Dtype::f32);
    const Score score = Score::softmax(0.05 + 0.1 * random.uniform());
    const double epsilon = 0.0015;
    heavykeys::ScanOptions options{
        .causal = seed % 2 == 1,
        .mode = seed % 4 < 2 ? heavykeys::Mode::no_false_negatives : heavykeys::Mode::no_false_positives};
    const auto close = heavykeys::scan(score, epsilon, q.rows(), k.rows(), options);
    options.tolerance = 0.05;
    const auto loose = heavykeys::scan(score, epsilon, q.rows(), k.rows(), options);
    CHECK(loose.indptr == close.indptr);
    CHECK(loose.keys == close.keys);
    for (std::size_t e = 0; e < std::min(loose.keys.size(), close.keys.size()); ++e) {
      CHECK(loose.lower[e] <= close.upper[e]);
      CHECK(loose.upper[e] >= close.lower[e]);
      CHECK(loose.upper[e] - loose.lower[e] <= 0.05 * loose.weights[e]);
    }
    options.key_count = keys.rows;
    options.mode = heavykeys::Mode::no_false_negatives;
    heavykeys::Scan pass(score, epsilon, q.rows(), options);
    pass.absorb(k.rows());
    const auto once = pass.finish();
    for (const double lower : once.lower) straddled += lower < epsilon ? 1 : 0;
  }
  CHECK(straddled >= 200);  // so there was something to look at again
}
