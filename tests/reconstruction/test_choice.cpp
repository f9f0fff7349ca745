// Which elements are computed.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "heavykeys/error.hpp"
#include "reconstruction/reference.hpp"

using heavykeys::Choice;
using heavykeys::choose_elements;
using Elements = std::vector<std::size_t>;

namespace {

heavykeys::PrincipalComponents uncorrelated(const std::vector<double>& variances) {
  heavykeys::PrincipalComponents c;
  c.dim = variances.size();
  c.element_variances = variances;
  c.mean.assign(c.dim, 0.0);
  return c;  // no components: all of it is D
}

}  // namespace

TEST_CASE("without correlation, pivots are the elements of greatest variance, ties to the lower index") {
  const auto c = uncorrelated({1, 4, 2, 4, 0});
  CHECK(choose_elements(c, 5, Choice::pivoted) == Elements{1, 3, 2, 0, 4});
  CHECK(choose_elements(c, 2, Choice::pivoted) == Elements{1, 3});
}

TEST_CASE("an element that another one tells is chosen last") {
  // x_0 = 2 a, x_1 = 1.9 a, x_2 = b, a and b of variance 1: x_1 varies more than x_2, but not given x_0.
  heavykeys::PrincipalComponents c;
  c.dim = 3;
  const double norm = std::sqrt(4 + 3.61);
  c.variances = {4 + 3.61, 1};
  c.components = {2 / norm, 1.9 / norm, 0, 0, 0, 1};
  c.mean = {0, 0, 0};
  c.element_variances = {4, 3.61, 1};
  CHECK(choose_elements(c, 3, Choice::pivoted) == Elements{0, 2, 1});
}

TEST_CASE("pivoted Cholesky is the greedy choice by Schur complements") {
  support::Random random(1);
  for (int turn = 0; turn < 30; ++turn) {
    const std::size_t p = 2 + random.below(20), size = random.below(p + 1);
    const auto c = reconstruction::model(p, size, 0.8, turn % 2 == 0 || size < p ? 0.05 : 0.0, random);
    const std::size_t count = 1 + random.below(p);
    INFO(p << " " << size << " " << count);
    CHECK(choose_elements(c, count, Choice::pivoted) == reconstruction::greedy(c, count));
  }
}

TEST_CASE("smaller choices are prefixes of larger ones: pivoted and random") {
  support::Random random(2);
  const auto c = reconstruction::model(30, 12, 0.7, 0.01, random);
  for (const Choice choice : {Choice::pivoted, Choice::random}) {
    const Elements all = choose_elements(c, 30, choice, 5);
    CHECK(std::set<std::size_t>(all.begin(), all.end()).size() == 30);
    for (std::size_t count = 1; count < 30; ++count) {
      CHECK(std::equal(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count),
                       choose_elements(c, count, choice, 5).begin()));
    }
  }
}

TEST_CASE("once only rounding is left, the others are evenly spaced") {
  support::Random random(3);
  const auto c = reconstruction::model(40, 3, 0.5, 0.0, random);
  const Elements three = choose_elements(c, 3, Choice::pivoted);
  const Elements seven = choose_elements(c, 7, Choice::pivoted);
  Elements left;
  for (std::size_t e = 0; e < 40; ++e) {
    if (std::find(three.begin(), three.end(), e) == three.end()) left.push_back(e);
  }
  Elements expected = three;
  for (const std::size_t at : {4, 13, 23, 32}) expected.push_back(left[at]);  // (2 i + 1) 37 / 8
  CHECK(seven == expected);
  CHECK(choose_elements(uncorrelated({0, 0, 0, 0}), 2, Choice::pivoted) == Elements{1, 3});
}

TEST_CASE("strided elements are evenly spaced; random ones hang on the seed alone") {
  const auto c = uncorrelated(std::vector<double>(10, 1.0));
  CHECK(choose_elements(c, 2, Choice::strided) == Elements{2, 7});
  CHECK(choose_elements(c, 5, Choice::strided) == Elements{1, 3, 5, 7, 9});
  CHECK(choose_elements(c, 10, Choice::strided) == Elements{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(choose_elements(c, 4, Choice::random, 1) == choose_elements(c, 4, Choice::random, 1));
  CHECK(choose_elements(c, 4, Choice::random, 1) != choose_elements(c, 4, Choice::random, 2));
  // Every element is as likely as every other: 4 of 10, 500 seeds, 200 +- 11 of each.
  std::vector<int> times(10);
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    for (const std::size_t e : choose_elements(c, 4, Choice::random, seed)) ++times[e];
  }
  for (const int t : times) CHECK(std::abs(t - 200) < 60);
}

TEST_CASE("a count that cannot be is refused") {
  const auto c = uncorrelated({1, 2});
  CHECK_THROWS_WITH(choose_elements(c, 0, Choice::pivoted),
                    "computed: 0 of 2 elements; it must be in 1 .. 2");
  CHECK_THROWS_AS(choose_elements(c, 3, Choice::random), heavykeys::InvalidInput);
  CHECK_THROWS_WITH(choose_elements(c, 1, static_cast<Choice>(9)), Catch::Contains("choice 9"));
}

TEST_CASE("the unit of variance changes nothing: choice, map, predicted error") {
  using heavykeys::Estimator;
  support::Random random(4);
  for (int turn = 0; turn < 6; ++turn) {
    const auto c = reconstruction::model(12, turn % 2 == 0 ? 12 : 5, 0.6, turn % 2 == 0 ? 0.0 : 0.1, random);
    for (const int k : {-600, -300, -1, 1, 300, 600}) {
      auto scaled = c;
      for (auto* values : {&scaled.variances, &scaled.element_variances}) {
        for (double& v : *values) v = std::ldexp(v, k);
      }
      scaled.total_variance = std::ldexp(c.total_variance, k);
      INFO("turn " << turn << ", 2^" << k);
      CHECK(choose_elements(scaled, 6, Choice::pivoted) == choose_elements(c, 6, Choice::pivoted));
      CHECK(choose_elements(c, 6, Choice::pivoted) == reconstruction::greedy(c, 6));
      for (const Estimator estimator : {Estimator::lmmse, Estimator::least_squares}) {
        for (const std::size_t computed : {2, 7}) {
          const heavykeys::ReconstructorOptions options{.computed = computed, .estimator = estimator};
          const auto one = heavykeys::fit_reconstructor(c, options);
          const auto other = heavykeys::fit_reconstructor(scaled, options);
          CHECK(other.predicted_error() == one.predicted_error());
          CHECK(to_bytes(other) == to_bytes(one));
        }
      }
    }
  }
}
