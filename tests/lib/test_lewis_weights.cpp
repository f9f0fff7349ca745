// Lewis weights: the fixed point by other code in long double, known cases, and the bound they are for.
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include "heavykeys/error.hpp"
#include "heavykeys/leverage.hpp"
#include "heavykeys/lewis.hpp"
#include "support/matrix.hpp"
#include "support/random.hpp"

using heavykeys::lewis_weights;
using support::Matrix;

namespace {

heavykeys::Rows view(const Matrix& k) { return heavykeys::rows(k.values.data(), k.rows, k.cols); }

double sum(const std::vector<double>& v) { return std::accumulate(v.begin(), v.end(), 0.0); }

/// max_j | ln((k_j^T M^-1 k_j)^(p/2) / w_j) | over the first `d` columns, by Cholesky in long double.
double residual(const Matrix& k, const std::vector<double>& w, double p, std::size_t d) {
  std::vector<long double> m(d * d, 0.0L), y(d);
  for (std::size_t r = 0; r < k.rows; ++r) {
    if (w[r] == 0) continue;
    const long double inner = std::pow(static_cast<long double>(w[r]), 1 - 2 / static_cast<long double>(p));
    for (std::size_t i = 0; i < d; ++i) {
      for (std::size_t j = 0; j < d; ++j) m[i * d + j] += inner * k(r, i) * k(r, j);
    }
  }
  for (std::size_t c = 0; c < d; ++c) {
    for (std::size_t q = 0; q < c; ++q) {
      for (std::size_t r = c; r < d; ++r) m[r * d + c] -= m[r * d + q] * m[c * d + q];
    }
    const long double root = std::sqrt(m[c * d + c]);
    for (std::size_t r = c; r < d; ++r) m[r * d + c] /= root;
  }
  double worst = 0.0;
  for (std::size_t r = 0; r < k.rows; ++r) {
    if (w[r] == 0) continue;
    long double form = 0.0L;
    for (std::size_t i = 0; i < d; ++i) {
      y[i] = k(r, i);
      for (std::size_t j = 0; j < i; ++j) y[i] -= m[i * d + j] * y[j];
      y[i] /= m[i * d + i];
      form += y[i] * y[i];
    }
    worst = std::max(worst, static_cast<double>(std::fabs(std::log(form) * p / 2 -
                                                          std::log(static_cast<long double>(w[r])))));
  }
  return worst;
}

/// Values of 10 bits, so the grid of 24 keeps them as they are: rows from 2^-spread to 2^spread.
Matrix keys(std::size_t n, std::size_t d, int spread, support::Random& random) {
  Matrix k(n, d);
  for (std::size_t r = 0; r < n; ++r) {
    const int e = random.integer(-spread, spread);
    for (std::size_t c = 0; c < d; ++c) k(r, c) = std::ldexp(random.integer(-511, 511), e);
  }
  return k;
}

const std::vector<double> powers = {0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 16.0};

}  // namespace

TEST_CASE("Lewis weights are at their fixed point, as near as their residual says, and sum to the rank") {
  support::Random random(1);
  for (int trial = 0; trial < 12; ++trial) {
    const std::size_t d = 1 + random.below(6), n = d + 5 + random.below(150);
    const Matrix k = keys(n, d, trial % 4, random);
    for (const double p : powers) {
      CAPTURE(trial, n, d, p);
      const double tolerance = trial % 2 == 0 ? 1e-3 : 1e-9;
      const auto lewis = lewis_weights(view(k), p, tolerance);
      REQUIRE(lewis.weights.size() == n);
      CHECK(lewis.rank == d);
      CHECK(lewis.residual <= tolerance);
      CHECK(residual(k, lewis.weights, p, d) <= lewis.residual + 1e-10);
      CHECK(residual(k, lewis.weights, p, d) >= lewis.residual - 1e-9);
      // Each weight is within a factor e^(residual / (1 - |1 - p/2|)) of exact ones, for p < 4.
      if (p < 4)
        CHECK(sum(lewis.weights) == Approx(static_cast<double>(d))
                                        .epsilon(1.01 * lewis.residual / (1 - std::fabs(1 - p / 2)) + 1e-12));
      if (p >= 4) CHECK(sum(lewis.weights) == Approx(static_cast<double>(d)).epsilon(tolerance));
    }
  }
}

TEST_CASE("Lewis weights for p = 2 are leverage scores; for one column they are |k|^p / sum |k|^p") {
  support::Random random(2);
  const Matrix k = keys(100, 4, 3, random);
  const auto lewis = lewis_weights(view(k), 2.0);
  const auto tau = heavykeys::leverage_scores(view(k));
  for (std::size_t j = 0; j < k.rows; ++j) CHECK(lewis.weights[j] == Approx(tau[j]).epsilon(1e-9).margin(0));
  CHECK(lewis.iterations == 0);

  Matrix one(50, 1);
  for (double& v : one.values) v = random.integer(-1000, 1000);
  one.values[3] = 0;
  for (const double p : powers) {
    double total = 0;
    for (double v : one.values) total += std::pow(std::fabs(v), p);
    const auto w = lewis_weights(view(one), p, 1e-9).weights;
    for (std::size_t j = 0; j < 50; ++j)
      CHECK(w[j] == Approx(std::pow(std::fabs(one.values[j]), p) / total).epsilon(1e-7).margin(0));
  }
}

TEST_CASE("Lewis weights of orthogonal rows are 1, of c equal rows 1/c") {
  Matrix k(12, 3);
  for (std::size_t r = 0; r < 12; ++r) k(r, r % 3) = 1.0;
  for (const double p : powers) {
    const auto w = lewis_weights(view(k), p, 1e-9).weights;
    for (double v : w) CHECK(v == Approx(0.25).epsilon(1e-8));
  }
  const Matrix axes(3, 3, {5, 0, 0, /**/ 0, 1e-3, 0, /**/ 0, 0, 1e6});
  for (const double p : powers) {
    for (double v : lewis_weights(view(axes), p).weights) CHECK(v == Approx(1.0).epsilon(1e-6));
  }
}

TEST_CASE("Lewis weights of keys without full rank, with rows of zeros, of nothing") {
  support::Random random(3);
  Matrix k = keys(80, 5, 1, random);
  for (std::size_t r = 0; r < k.rows; ++r) {
    k(r, 3) = k(r, 0) + k(r, 1);
    k(r, 4) = 0;
  }
  for (std::size_t c = 0; c < 5; ++c) k(40, c) = 0;
  for (const double p : {1.0, 3.0, 6.0}) {
    const auto lewis = lewis_weights(view(k), p, 1e-8);
    CHECK(lewis.rank == 3);
    CHECK(lewis.weights[40] == 0.0);
    CHECK(residual(k, lewis.weights, p, 3) <= 1.1e-8);
    CHECK(sum(lewis.weights) == Approx(3.0).epsilon(1e-6));
  }
  const Matrix zeros(4, 2);
  const auto none = lewis_weights(view(zeros), 3.0);
  CHECK(none.rank == 0);
  CHECK(none.weights == std::vector<double>(4, 0.0));
  CHECK(lewis_weights(view(Matrix(0, 2)), 3.0).weights.empty());
}

TEST_CASE("no query gives a row more of sum |q.k|^p than its Lewis weight allows") {
  support::Random random(4);
  for (int trial = 0; trial < 10; ++trial) {
    const std::size_t d = 1 + random.below(4), n = 60;
    const Matrix k = keys(n, d, 3, random);
    for (const double p : powers) {
      const auto lewis = lewis_weights(view(k), p, trial % 2 == 0 ? 0.1 : 1e-6);
      const double r = lewis.residual;
      const double factor =
          p >= 2 ? std::exp(r) * std::pow(sum(lewis.weights), p / 2 - 1) : std::exp(2 * r / p);
      double closest = 0;
      for (int query = 0; query < 200; ++query) {
        std::vector<double> x(n), q(d);
        for (double& v : q) v = random.cauchy();
        double total = 0;
        for (std::size_t j = 0; j < n; ++j) {
          for (std::size_t c = 0; c < d; ++c) x[j] += q[c] * k(j, c);
          total += std::pow(std::fabs(x[j]), p);
        }
        for (std::size_t j = 0; j < n; ++j) {
          CAPTURE(trial, p, j);
          const double share = std::pow(std::fabs(x[j]), p) / total;
          REQUIRE(share <= factor * lewis.weights[j] * (1 + 1e-9));
          closest = std::max(closest, share / lewis.weights[j]);
        }
      }
      if (d == 1) CHECK(closest >= std::exp(-r) * 0.99);  // one column: every query attains it
    }
  }
}

TEST_CASE("Lewis weights refuse what they cannot use") {
  const Matrix k(2, 1, {1, 2}), bad(2, 1, {1, NAN});
  CHECK_THROWS_AS(lewis_weights(view(k), 0.1), heavykeys::InvalidInput);
  CHECK_THROWS_AS(lewis_weights(view(k), 65), heavykeys::InvalidInput);
  CHECK_THROWS_AS(lewis_weights(view(k), NAN), heavykeys::InvalidInput);
  CHECK_THROWS_AS(lewis_weights(view(k), 2, 0.0), heavykeys::InvalidInput);
  CHECK_THROWS_AS(lewis_weights(view(k), 2, 1.0), heavykeys::InvalidInput);
  CHECK_THROWS_AS(lewis_weights(view(bad), 2), heavykeys::InvalidInput);
}
