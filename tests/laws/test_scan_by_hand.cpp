// Scans whose answer is known without computing it, at magnitudes and cancellations where naive sums fail.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "heavykeys/heavykeys.hpp"
#include "laws/scan_truth.hpp"
#include "support/random.hpp"

namespace {

using heavykeys::HeavyEntries;
using heavykeys::Score;
using Numbers = std::vector<double>;

heavykeys::Rows column(const Numbers& values) { return heavykeys::rows(values.data(), values.size(), 1); }

/// One query of one column.
HeavyEntries scan_column(const Score& score, double epsilon, const Numbers& keys, double query = 1.0) {
  const Numbers q{query};
  return heavykeys::scan(score, epsilon, column(q), column(keys));
}

std::vector<std::uint64_t> rows_of(const HeavyEntries& found) {
  std::vector<std::uint64_t> rows;
  for (const auto& id : found.keys) rows.push_back(id.row);
  return rows;
}

using Ids = std::vector<std::uint64_t>;

double huber(double x) { return std::fabs(x) < 1 ? x * x / 2 : std::fabs(x) - 0.5; }

std::vector<Score> even_scores() {
  return {Score::power(0.5), Score::power(1),   Score::power(2),     Score::power(3),
          Score::power(64),  Score::power(2.3), Score::expressive(), Score::polynomial({0, 1, 0.5})};
}

std::string check(const Score& score, double epsilon, const support::Matrix& queries,
                  const support::Matrix& keys, long double noise = 1e-14L) {
  const auto found =
      heavykeys::scan(score, epsilon, heavykeys::rows(queries.values.data(), queries.rows, queries.cols),
                      heavykeys::rows(keys.values.data(), keys.rows, keys.cols));
  std::string wrong;
  for (std::size_t i = 0; i < queries.rows; ++i) {
    wrong +=
        truth::difference(found, i, truth::weights(score, queries.row(i), keys, keys.rows), epsilon, noise);
  }
  return found.keys.empty() ? "nothing found" : wrong;
}

}  // namespace

TEST_CASE("by hand: softmax, expressive and a polynomial") {
  const auto soft = scan_column(Score::softmax(), 0.3, {0, std::log(2.0), 0});
  CHECK(rows_of(soft) == Ids{1});
  CHECK(soft.weights[0] == Approx(0.5).epsilon(1e-12));
  const auto colder = scan_column(Score::softmax(2), 0.5, {0, std::log(2.0), 0});
  CHECK(colder.weights[0] == Approx(4.0 / 6).epsilon(1e-12));
  const auto backwards = scan_column(Score::softmax(-1), 0.3, {0, std::log(2.0), 0});
  CHECK(rows_of(backwards) == Ids{0, 2});
  CHECK(backwards.weights[1] == Approx(0.4).epsilon(1e-12));
  const auto saturated = scan_column(Score::expressive(), 0.3, {1, 1e9, -1e200});  // 1/2, 1, 1
  CHECK(rows_of(saturated) == Ids{1, 2});
  CHECK(saturated.weights[0] == Approx(0.4).epsilon(1e-12));
  const auto even = scan_column(Score::polynomial({1, 1}), 0.5, {0, 1, -2});  // 1, 2, 5
  CHECK(rows_of(even) == Ids{2});
  CHECK(even.weights[0] == Approx(0.625).epsilon(1e-12));
}

TEST_CASE("ties are heavy, for every score, wherever the copies stand") {
  std::vector<Score> scores = even_scores();
  scores.push_back(Score::softmax(700));
  for (const Score& score : scores) {
    CAPTURE(score.name());
    for (const std::size_t copies : {1u, 2u, 4u, 64u}) {
      Numbers keys(700, score.kind == Score::Kind::softmax ? -3.0 : 0.0);
      Ids want;
      for (std::size_t c = 0; c < copies; ++c) {
        want.push_back(3 + 10 * c);
        keys[want.back()] = 3.1;
      }
      const auto found = scan_column(score, 1.0 / static_cast<double>(copies), keys);
      CHECK(rows_of(found) == want);
      CHECK(found.upper[0] * static_cast<double>(copies) >= 1.0);
    }
  }
}

TEST_CASE("a query that no key answers has no entries; with softmax it has the same weight everywhere") {
  for (const Score& score : even_scores()) {
    CAPTURE(score.name());
    CHECK(scan_column(score, 0.01, {1, 2, 3}, 0.0).keys.empty());
    CHECK(scan_column(score, 0.01, Numbers(300, 0.0)).keys.empty());
    // Orthogonal, by support and by cancellation, exactly and at the ends of the range.
    const Numbers q{1, 1, 0, 1e300}, k{0, 0, 5, 0, /**/ 7, -7, 1, 0, /**/ 1e-300, -1e-300, 0, 0};
    CHECK(heavykeys::scan(score, 0.01, heavykeys::rows(q.data(), 1, 4), heavykeys::rows(k.data(), 3, 4))
              .keys.empty());
  }
  CHECK(rows_of(scan_column(Score::softmax(), 0.25, {5, -5, 0, 1}, 0.0)) == Ids{0, 1, 2, 3});
  CHECK(scan_column(Score::softmax(), 0.26, {5, -5, 0, 1}, 0.0).keys.empty());
  CHECK(rows_of(scan_column(Score::polynomial({1, 1}), 0.25, Numbers(4, 0.0))) == Ids{0, 1, 2, 3});
}

TEST_CASE("a key that only exact arithmetic can tell from orthogonal has all the weight") {
  // In each row all but the last element cancels: in float64, in twice its precision, and in neither.
  const std::vector<Numbers> rows{
      {3.75, -1.75, -2, 0, 0}, {1e17, -3, -1e17, 3, 0}, {0x1p120, 0x1p60, 0, -0x1p60, -0x1p120}};
  for (const Score& score : even_scores()) {
    CAPTURE(score.name());
    const Numbers q{1, 1, 1, 1, 1, 0x1p-200};
    for (const Numbers& row : rows) {
      Numbers k;
      for (int i = 0; i < 300; ++i) {
        k.insert(k.end(), row.begin(), row.end());
        k.push_back(0.0);
      }
      // What is left over stands between the large ones, where two doubles lose it, or in a corner of its
      // own.
      (row[2] == 0 ? k[6 * 123 + 2] : k[6 * 123 + 5]) = 0x1p-10;
      const auto found =
          heavykeys::scan(score, 0.9, heavykeys::rows(q.data(), 1, 6), heavykeys::rows(k.data(), 300, 6));
      CHECK(rows_of(found) == Ids{123});
      if (!found.lower.empty()) CHECK(found.lower[0] > 1 - 1e-10);
    }
  }
}

TEST_CASE("products that cancel: the bounds hold, and stay narrow, however much is lost") {
  support::Random random(8);
  for (int exponent = 0; exponent <= 44; exponent += 4) {
    CAPTURE(exponent);
    const double size = std::ldexp(1.0, exponent);
    support::Matrix keys(600, 6), queries(3, 6);
    for (double& x : keys.values) x = random.gaussian();
    for (double& x : queries.values) x = random.gaussian();
    for (std::size_t j = 0; j < keys.rows; ++j) {
      keys(j, 1) =
          std::floor(keys(j, 0) * 1024) / 1024;  // q.k = size (k_0 - k_1) + ..., exact in long double
      keys(j, 0) = keys(j, 1) + std::floor(random.gaussian() * 64) / size / 64;
    }
    for (std::size_t i = 0; i < queries.rows; ++i) queries(i, 0) = size, queries(i, 1) = -size;
    for (const Score& score :
         {Score::power(0.5), Score::power(2), Score::power(64), Score::power(2.3), Score::expressive(),
          Score::polynomial({0.5, 1, 0.5}), Score::softmax(), Score::custom("huber", huber, 2)}) {
      CAPTURE(score.name());
      CHECK(check(score, 1.0 / 600, queries, keys) == "");
    }
  }
}

TEST_CASE("rows whose own elements are further apart than the range of exponents") {
  Numbers k;
  const Numbers q{0x1p-1000, 0x1p1000};
  for (int j = 0; j < 300; ++j) k.insert(k.end(), {0x1p1000, (j % 100 - 50) * 0x1p-1000});
  for (const Score& score : even_scores()) {
    CAPTURE(score.name());
    Numbers plain;  // the same dot products
    for (int j = 0; j < 300; ++j) plain.push_back(1.0 + (j % 100 - 50));
    const auto want = scan_column(score, 0.003, plain);
    REQUIRE(!want.keys.empty());
    const auto found =
        heavykeys::scan(score, 0.003, heavykeys::rows(q.data(), 1, 2), heavykeys::rows(k.data(), 300, 2));
    CHECK(found.keys == want.keys);
    for (std::size_t e = 0; e < found.keys.size(); ++e) {
      CHECK(found.weights[e] == Approx(want.weights[e]).epsilon(1e-12));
      CHECK(found.upper[e] - found.lower[e] <= 1e-10 * found.weights[e]);
    }
  }
}

TEST_CASE("magnitudes do not matter to homogeneous scores, nor to sums") {
  support::Random random(3);
  Numbers k(600), plain;
  for (double& x : k) x = random.gaussian();
  k[77] = 40, k[599] = -33;
  for (const double p : {0.5, 1.0, 2.0, 2.3, 3.0, 64.0}) {
    CAPTURE(p);
    const auto want = scan_column(Score::power(p), 0.005, k);
    REQUIRE(!want.keys.empty());
    for (const int shift : {-1000, -300, 300, 1000}) {
      Numbers scaled = k;
      for (double& x : scaled) x = std::ldexp(x, shift);
      for (const double query : {0x1p-900, -1.0, 0x1p1000}) {
        const auto found = scan_column(Score::power(p), 0.005, scaled, query);
        CHECK(found.keys == want.keys);
        CHECK(found.weights.front() == Approx(want.weights.front()).epsilon(1e-12));
      }
    }
  }
  // Expressive attention is x^2 near zero and 1 far out.
  const auto square = scan_column(Score::power(2), 0.005, k);
  Numbers tiny = k;
  for (double& x : tiny) x *= 0x1p-800;
  const auto near = scan_column(Score::expressive(), 0.005, tiny);
  CHECK(near.keys == square.keys);
  CHECK(near.weights.front() == Approx(square.weights.front()).epsilon(1e-12));
}

TEST_CASE("keys that grow without end: each is heavy when it comes, and only the last stay") {
  support::Matrix keys(3000, 1), queries(2, 1, {1.0, -0.5});
  for (std::size_t j = 0; j < keys.rows; ++j) keys(j, 0) = 5.0 * static_cast<double>(j);
  CHECK(check(Score::softmax(), 0.001, queries, keys) == "");
  for (std::size_t j = 0; j < keys.rows; ++j)
    keys(j, 0) = std::ldexp(1.0, static_cast<int>(j % 3000 / 2) - 700);
  CHECK(check(Score::power(0.5), 0.001, queries, keys) == "");
  CHECK(check(Score::power(3), 0.001, queries, keys) == "");
  CHECK(check(Score::power(64), 1e-50, queries, keys) == "");
  CHECK(check(Score::expressive(), 0.0005, queries, keys) == "");
  CHECK(check(Score::polynomial({3, 0, 0, 1e-300, 1e-280}), 0.001, queries, keys) == "");
  std::reverse(keys.values.begin(), keys.values.end());
  CHECK(check(Score::power(1), 0.001, queries, keys) == "");
  CHECK(check(Score::expressive(), 0.0001, queries, keys) == "");
}

TEST_CASE("softmax at logits of 1e4, 1e9 and 1e15 over many blocks") {
  support::Random random(11);
  support::Matrix keys(2000, 32), queries(8, 32);
  for (double& x : keys.values) x = random.gaussian();
  for (double& x : queries.values) x = random.gaussian();
  for (std::size_t c = 0; c < 32; ++c) {
    for (std::size_t j = 0; j < 200; ++j) keys(10 * j, c) = keys(0, c);  // ties at the top of some queries
    queries(0, c) = keys(0, c);
    queries(1, c) = -keys(0, c);
  }
  for (const double size : {1.0, 1e2, 1e4}) {
    CAPTURE(size);
    CHECK(check(Score::softmax(size / 32), 0.001, queries, keys) == "");
  }
  // Beyond that long double fails first: integers, whose products are exact.
  for (const double size : {1e9, 1e15}) {
    Numbers k;
    for (int j = 0; j < 1000; ++j) k.insert(k.end(), {size - j % 7, j % 2 == 0 ? -1.0 : 1.0, size});
    const Numbers q{1, 0.25, -1};
    const auto found = heavykeys::scan(Score::softmax(), 0.004, heavykeys::rows(q.data(), 1, 3),
                                       heavykeys::rows(k.data(), 1000, 3));
    long double sum = 0;
    for (int j = 0; j < 1000; ++j)
      sum += std::exp(-static_cast<long double>(j % 7) + (j % 2 == 0 ? -0.25L : 0.25L));
    REQUIRE(found.keys.size() == 71);  // j = 7, 21, 35 ..
    CHECK(found.keys[0].row == 7);
    CHECK(std::fabs(found.weights[5] / (std::exp(0.25L) / sum) - 1) < 1e-11L);
    CHECK(found.upper[5] - found.lower[5] < 1e-10 * found.weights[5]);
  }
}

TEST_CASE("the two modes are a hair apart") {
  const double third =
      1.0 / 3;  // a little less than a third: the weight reaches it by less than is certified
  const Numbers q{1}, k{1, 1, 1};
  CHECK(heavykeys::scan(Score::power(2), third, column(q), column(k)).keys.size() == 3);
  CHECK(heavykeys::scan(Score::power(2), third, column(q), column(k),
                        {.mode = heavykeys::Mode::no_false_positives})
            .keys.empty());
  CHECK(heavykeys::scan(Score::power(2), third * (1 - 2e-10), column(q), column(k),
                        {.mode = heavykeys::Mode::no_false_positives})
            .keys.size() == 3);
  CHECK(heavykeys::scan(Score::power(2), third * (1 + 2e-10), column(q), column(k)).keys.empty());
}

TEST_CASE("audit: shares by number and by weight, and none missed where there is nothing") {
  const HeavyEntries found{{0, 2, 2, 3}, {{0, 4}, {0, 9}, {0, 9}}, {0.75, 0.25, 0.5}, {}, {}};
  const std::vector<heavykeys::KeyId> set{{0, 9}, {0, 1}, {0, 9}, {1, 4}};
  const heavykeys::Audit audit = heavykeys::audit(found, set);
  CHECK(audit.entries == 3);
  CHECK(audit.covered == 2);
  CHECK(audit.shares == Numbers{0.5, 1, 1});
  CHECK(audit.weight_shares == Numbers{0.25, 1, 1});
  CHECK(audit.share() == 2.0 / 3);
  CHECK(audit.weight_share() == 0.5);
  CHECK(heavykeys::audit(found, {}).share() == 0.0);
  CHECK(heavykeys::audit(HeavyEntries{{0, 0}, {}, {}, {}, {}}, set).share() == 1.0);
  CHECK(heavykeys::audit(HeavyEntries{}, set).shares.empty());
}
