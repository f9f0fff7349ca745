// What is estimated from what was computed, and how wrong it is.
#include <catch2/catch.hpp>
#include <cmath>

#include "heavykeys/error.hpp"
#include "reconstruction/reference.hpp"

using heavykeys::Choice;
using heavykeys::Estimator;
using heavykeys::fit_reconstructor;
using heavykeys::PrincipalComponents;
using heavykeys::Reconstructor;
using heavykeys::ReconstructorOptions;
using reconstruction::gain;
using reconstruction::rows_of;

namespace {

/// Two elements of standard deviations 2 and 3, correlation 0.5, means 10 and 20; all of it in D but for one
/// component would not do: the components are those of [4, 3; 3, 9].
PrincipalComponents two() {
  PrincipalComponents c;
  c.dim = 2;
  c.mean = {10, 20};
  c.element_variances = {4, 9};
  const double root = std::sqrt(61.0), high = (13 + root) / 2, low = (13 - root) / 2;
  const double y = high - 4, norm = std::hypot(3.0, y);
  c.variances = {high, low};
  c.components = {3 / norm, y / norm, -y / norm, 3 / norm};
  return c;
}

}  // namespace

TEST_CASE("two elements: mean + rho s1 / s2 (x - mean)") {
  const Reconstructor r = fit_reconstructor(two(), {.computed = 1, .ridge = 0});
  REQUIRE(reconstruction::elements_of(r) == std::vector<std::size_t>{1});  // it varies more
  const support::Matrix partial(2, 1, {23, 20});
  const std::vector<double> x = heavykeys::reconstruct(r, rows_of(partial));
  CHECK(x[0] == Approx(11).epsilon(1e-14));  // 10 + 0.5 * 2 / 3 * 3
  CHECK(x[1] == 23);
  CHECK(x[2] == Approx(10).epsilon(1e-14));
  CHECK(r.predicted_error() == Approx(3.0 / 13).epsilon(1e-13));  // 4 (1 - rho^2) of 4 + 9
}

TEST_CASE("ridge adds to the variance of what is computed") {
  const Reconstructor r = fit_reconstructor(two(), {.computed = 1, .ridge = 1});
  const support::Matrix partial(1, 1, {20 + 15.5});
  CHECK(heavykeys::reconstruct(r, rows_of(partial))[0] ==
        Approx(13).epsilon(1e-14));  // 10 + 3 / (9 + 6.5) * 15.5
}

TEST_CASE("least squares fits the first component") {
  PrincipalComponents c = two();
  const Reconstructor r = fit_reconstructor(
      c, {.computed = 1, .estimator = Estimator::least_squares, .components = 1, .ridge = 0});
  const support::Matrix partial(1, 1, {21});
  CHECK(heavykeys::reconstruct(r, rows_of(partial))[0] ==
        Approx(10 + c.components[0] / c.components[1]).epsilon(1e-14));
}

TEST_CASE("the map is that of the formula, dense and in long double") {
  support::Random random(11);
  for (int turn = 0; turn < 60; ++turn) {
    const std::size_t p = 2 + random.below(40), size = 1 + random.below(p);
    const PrincipalComponents c = reconstruction::model(p, size, 0.85, size < p ? 0.1 : 0.0, random);
    ReconstructorOptions o;
    o.computed = 1 + random.below(p);
    o.choice = std::vector{Choice::pivoted, Choice::random, Choice::strided}[random.below(3)];
    o.estimator = random.coin() ? Estimator::lmmse : Estimator::least_squares;
    const std::size_t most = o.estimator == Estimator::lmmse ? size : std::min(size, o.computed);
    o.components = random.coin() ? most : 1 + random.below(most);
    o.ridge = random.coin() ? 1e-2 : 1e-4;
    o.seed = static_cast<std::uint64_t>(turn);
    const Reconstructor r = fit_reconstructor(c, o);
    const auto elements = reconstruction::elements_of(r);
    INFO(p << " elements, " << size << " components, " << o.computed << " computed, " << o.components
           << " used, estimator " << static_cast<int>(o.estimator));
    const auto expected = gain(c, elements, o);
    CHECK(static_cast<double>(reconstruction::distance(gain(r), expected)) < 1e-10);
    CHECK(r.predicted_error() ==
          Approx(static_cast<double>(reconstruction::expected_error(c, elements, expected))).margin(1e-10));
    CHECK(std::equal(c.mean.begin(), c.mean.end(), r.mean().begin()));
  }
}

TEST_CASE("low rank and noise: few components and many elements computed, as the dense formula") {
  support::Random random(12);
  const PrincipalComponents c = reconstruction::model(60, 4, 0.5, 0.02, random);
  for (const double ridge : {0.0, 1e-6, 1e-2}) {
    const ReconstructorOptions o{.computed = 30, .ridge = ridge};
    const Reconstructor r = fit_reconstructor(c, o);
    CHECK(static_cast<double>(reconstruction::distance(gain(r), gain(c, reconstruction::elements_of(r), o))) <
          1e-10);
  }
}

TEST_CASE("samples of rank k come back from k well-chosen elements") {
  support::Random random(13);
  for (const std::size_t rank : {1, 3, 8}) {
    const PrincipalComponents c = reconstruction::model(64, rank, 0.8, 0.0, random);
    const support::Matrix samples = reconstruction::draw(c, 20, random);
    for (const Estimator estimator : {Estimator::lmmse, Estimator::least_squares}) {
      for (const std::size_t s : {rank, rank + 5}) {
        const Reconstructor r =
            fit_reconstructor(c, {.computed = s, .estimator = estimator, .components = rank, .ridge = 0});
        INFO(rank << " " << s << " " << static_cast<int>(estimator));
        CHECK(heavykeys::reconstruction_error(r, rows_of(samples)).relative < 1e-22);
        CHECK(r.predicted_error() < 1e-11);
      }
    }
  }
}

TEST_CASE("computed elements stay as they are; all computed is the sample itself") {
  support::Random random(14);
  const PrincipalComponents c = reconstruction::model(17, 17, 0.7, 0.0, random);
  const support::Matrix samples = reconstruction::draw(c, 70, random);
  for (const std::size_t s : {1, 6, 16, 17}) {
    const Reconstructor r = fit_reconstructor(c, {.computed = s});
    const auto elements = reconstruction::elements_of(r);
    const support::Matrix partial = reconstruction::columns(samples, elements);
    const std::vector<double> x = heavykeys::reconstruct(r, rows_of(partial));
    for (std::size_t i = 0; i < samples.rows; ++i) {
      for (const std::size_t e : elements) CHECK(x[i * 17 + e] == samples(i, e));
    }
    if (s < 17) continue;
    CHECK(x == samples.values);
    CHECK(r.predicted_error() == 0.0);
    CHECK(heavykeys::reconstruction_error(r, rows_of(samples)).mean_squared == 0.0);
  }
}

TEST_CASE("the error of Gaussian samples is the one predicted") {
  // Of N samples the mean of |x - x^|^2 is within 6 sqrt(2 / N) of its expectation, relatively: |.|^2 of a
  // Gaussian vector has a standard deviation of at most sqrt(2) times its mean. 6 sqrt(2 / 20,000) = 6%.
  support::Random random(15);
  const PrincipalComponents c = reconstruction::model(24, 10, 0.7, 0.03, random);
  const support::Matrix samples = reconstruction::draw(c, 20000, random);
  double total = 0;
  for (const double v : c.element_variances) total += v;
  for (const Estimator estimator : {Estimator::lmmse, Estimator::least_squares}) {
    for (const Choice choice : {Choice::pivoted, Choice::random, Choice::strided}) {
      for (const std::size_t s : {2, 6, 12}) {
        const Reconstructor r =
            fit_reconstructor(c, {.computed = s, .choice = choice, .estimator = estimator});
        const auto error = heavykeys::reconstruction_error(r, rows_of(samples));
        CHECK(error.mean_squared * 24 == Approx(r.predicted_error() * total).epsilon(0.06));
        CHECK(error.relative == Approx(r.predicted_error()).epsilon(0.12));
      }
    }
  }
}

TEST_CASE("over the samples it was fitted to, no linear estimate has a smaller error than lmmse") {
  support::Random random(16);
  const PrincipalComponents truth = reconstruction::model(20, 12, 0.8, 0.05, random);
  const support::Matrix samples = reconstruction::draw(truth, 200, random);
  const PrincipalComponents c = reconstruction::components_of(samples);
  for (const std::size_t s : {1, 4, 9, 15}) {
    const auto error = [&](Estimator estimator, std::size_t components, double ridge) {
      const Reconstructor r = fit_reconstructor(
          c, {.computed = s, .estimator = estimator, .components = components, .ridge = ridge});
      return heavykeys::reconstruction_error(r, rows_of(samples)).mean_squared;
    };
    const double best = error(Estimator::lmmse, 0, 0.0);
    CHECK(best <= error(Estimator::lmmse, 0, 0.1));
    CHECK(best <= error(Estimator::lmmse, 5, 0.0) * (1 + 1e-12));
    for (std::size_t r = 0; r <= s; ++r)
      CHECK(best <= error(Estimator::least_squares, r, 1e-3) * (1 + 1e-12));
    // The one that is chosen by itself is among the best of what least squares has.
    CHECK(error(Estimator::least_squares, 0, 1e-6) <= error(Estimator::least_squares, s, 1e-6) * (1 + 1e-12));
  }
}

TEST_CASE(
    "more elements never cost: predicted errors of pivoted prefixes descend, below random ones on average") {
  support::Random random(17);
  const PrincipalComponents c = reconstruction::model(40, 40, 0.8, 0.0, random);
  double before = 1.0;
  for (const std::size_t s : {1, 2, 4, 8, 16, 32}) {
    const double pivoted = fit_reconstructor(c, {.computed = s, .ridge = 0}).predicted_error();
    CHECK(pivoted <= before);
    double mean = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      mean += fit_reconstructor(c, {.computed = s, .choice = Choice::random, .ridge = 0, .seed = seed})
                  .predicted_error() /
              20;
    }
    CHECK(pivoted < mean);
    before = pivoted;
  }
}

TEST_CASE("no variance, no component, one element: estimates are the mean") {
  PrincipalComponents c;
  c.dim = 4;
  c.mean = {1, 2, 3, 4};
  c.element_variances = {0, 0, 0, 0};
  const support::Matrix partial(1, 2, {7, 8});
  for (const Estimator estimator : {Estimator::lmmse, Estimator::least_squares}) {
    c.element_variances = {0, 0, 0, 0};
    Reconstructor r = fit_reconstructor(c, {.computed = 2, .estimator = estimator});
    CHECK(r.predicted_error() == 0.0);
    CHECK(heavykeys::reconstruct(r, rows_of(partial)) == std::vector<double>{1, 7, 3, 8});
    c.element_variances = {1, 5, 1, 1};  // uncorrelated
    r = fit_reconstructor(c, {.computed = 1, .estimator = estimator});
    CHECK(r.predicted_error() == Approx(3.0 / 8));
    CHECK(heavykeys::reconstruct(r, heavykeys::rows(partial.values.data(), 2, 1)) ==
          std::vector<double>{1, 7, 3, 4, 1, 8, 3, 4});
  }
  PrincipalComponents one;
  one.dim = 1;
  one.mean = {1};
  one.element_variances = {2};
  one.variances = {2};
  one.components = {1};
  CHECK(heavykeys::reconstruct(fit_reconstructor(one, {.computed = 1}),
                               heavykeys::rows(partial.values.data(), 0, 1))
            .empty());
}

TEST_CASE("rows of every dtype and layout are read; the same bytes in any company") {
  support::Random random(18);
  const PrincipalComponents c = reconstruction::model(300, 20, 0.8, 0.01, random);
  const Reconstructor r = fit_reconstructor(c, {.computed = 40});
  const support::Matrix partial =
      reconstruction::columns(reconstruction::draw(c, 100, random), reconstruction::elements_of(r));
  const std::vector<double> all = heavykeys::reconstruct(r, rows_of(partial));
  for (const std::size_t i : {0, 31, 32, 99}) {
    const std::vector<double> one = heavykeys::reconstruct(r, rows_of(partial).slice(i, 1));
    CHECK(std::equal(one.begin(), one.end(), all.begin() + static_cast<std::ptrdiff_t>(i * 300)));
  }
}
