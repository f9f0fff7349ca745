// Weights on arrival: the inequality they promise, checked in long double by other code, and how good they
// are.
#include <catch2/catch.hpp>
#include <cmath>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/lewis.hpp"
#include "support/families.hpp"
#include "support/random.hpp"

using namespace heavykeys::detail;
using support::Matrix;

namespace {

/// k_l^T (M0 + sum w_l k_l k_l^T)^-1 k_l over the columns named, which must make M nonsingular.
std::vector<double> reference_forms(const Matrix& k, const std::vector<double>& m0,
                                    const std::vector<int>& exponents,
                                    const std::vector<std::size_t>& columns) {
  const std::size_t d = columns.size();
  std::vector<long double> m(d * d, 0.0L);
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = 0; j < d; ++j) {
      if (!m0.empty()) m[i * d + j] = m0[columns[i] * k.cols + columns[j]];
      for (std::size_t r = 0; r < k.rows; ++r)
        m[i * d + j] +=
            std::ldexp(static_cast<long double>(k(r, columns[i])), 2 * exponents[r]) * k(r, columns[j]);
    }
  }
  for (std::size_t c = 0; c < d; ++c) {  // M = L L^T in place
    for (std::size_t p = 0; p < c; ++p) {
      for (std::size_t r = c; r < d; ++r) m[r * d + c] -= m[r * d + p] * m[c * d + p];
    }
    REQUIRE(m[c * d + c] > 0.0L);
    const long double root = std::sqrt(m[c * d + c]);
    for (std::size_t r = c; r < d; ++r) m[r * d + c] /= root;
  }
  std::vector<double> forms;
  std::vector<long double> y(d);
  for (std::size_t r = 0; r < k.rows; ++r) {
    long double sum = 0.0L;
    for (std::size_t i = 0; i < d; ++i) {
      y[i] = k(r, columns[i]);
      for (std::size_t j = 0; j < i; ++j) y[i] -= m[i * d + j] * y[j];
      y[i] /= m[i * d + i];
      sum += y[i] * y[i];
    }
    forms.push_back(static_cast<double>(sum));
  }
  return forms;
}

std::vector<std::size_t> first_columns(std::size_t d) {
  std::vector<std::size_t> columns(d);
  for (std::size_t c = 0; c < d; ++c) columns[c] = c;
  return columns;
}

double total(const std::vector<int>& exponents, double p) {
  double sum = 0.0;
  for (int a : exponents) sum += std::pow(4.0, a * p / (p - 2));
  return sum;
}

/// Gives the arrival exponents after checking what is promised of them; returns W.
double checked(const Matrix& k, const std::vector<double>& m0, double p,
               const std::vector<std::size_t>& columns) {
  const auto exponents = arrival_exponents(k.values.data(), k.rows, k.cols, m0, p);
  REQUIRE(exponents.size() == k.rows);
  for (int a : exponents) REQUIRE((kLeastArrival <= a && a <= 0));
  const auto forms = reference_forms(k, m0, exponents, columns);
  for (std::size_t r = 0; r < k.rows; ++r) {
    CAPTURE(p, r, exponents[r], forms[r]);
    REQUIRE(std::pow(4.0, exponents[r]) >= std::pow(forms[r], (p - 2) / 2) * (1 - 1e-12));
  }
  return total(exponents, p);
}

/// Rows of one scale each, from 2^-spread to 2^spread.
Matrix spread_rows(std::size_t n, std::size_t d, int spread, support::Random& random) {
  Matrix k(n, d);
  for (std::size_t r = 0; r < n; ++r) {
    const int e = random.integer(-spread, spread);
    for (std::size_t c = 0; c < d; ++c) k(r, c) = std::ldexp(random.gaussian(), e);
  }
  return k;
}

}  // namespace

TEST_CASE("arrival weights satisfy their inequality, and W is at most that of Lewis weights, rounded up") {
  support::Random random(1);
  for (int trial = 0; trial < 40; ++trial) {
    const std::size_t d = 1 + random.below(10), n = d + random.below(300);
    const Matrix k = spread_rows(n, d, trial % 4, random);
    for (const double p : {2.5, 3.0, 4.0, 5.5, 8.0}) {
      CAPTURE(trial, d, n, p);
      // Lewis weights have W = d; they are met to 1/8 and a margin, and rounded up by less than 4.
      CHECK(checked(k, {}, p, first_columns(d)) <=
            static_cast<double>(d) * std::pow(4.0 * 1.14, p / (p - 2)));
    }
  }
}

TEST_CASE("arrival weights of Gaussian rows, d = 64, n = 4096: W within a small factor of d") {
  support::Random random(2);
  const std::size_t n = 4096, d = 64;
  const Matrix k = spread_rows(n, d, 0, random), tailed = [&] {
    Matrix m = k;
    for (std::size_t r = 0; r < n; ++r) {
      const double scale = random.cauchy();
      for (std::size_t c = 0; c < d; ++c) m(r, c) *= scale;
    }
    return m;
  }();
  // Nearly equal rows: their common weight (d / n)^((p - 2) / p) is rounded up to one power of 4, at p = 3
  // from 2^-2 and some, so by nearly 4. Rows of all sizes: an average, far below.
  for (const auto& [p, factor, tailed_factor] :
       {std::tuple{3.0, 48.0, 6.0}, {4.0, 8.0, 3.0}, {6.0, 3.0, 2.0}}) {
    const double w = checked(k, {}, p, first_columns(d)), w_tailed = checked(tailed, {}, p, first_columns(d));
    CAPTURE(p, w / static_cast<double>(d), w_tailed / static_cast<double>(d));
    CHECK(w <= factor * static_cast<double>(d));
    CHECK(w_tailed <= tailed_factor * static_cast<double>(d));
  }
}

TEST_CASE("arrival weights take what came before into account") {
  support::Random random(3);
  for (int trial = 0; trial < 20; ++trial) {
    const std::size_t d = 2 + random.below(8), n = 100 + random.below(100);
    const Matrix k = spread_rows(n, d, 2, random), known = spread_rows(2 * d, d, 2, random);
    std::vector<double> m0(d * d, 0.0);
    for (std::size_t r = 0; r < known.rows; ++r) {
      for (std::size_t i = 0; i < d; ++i) {
        for (std::size_t j = 0; j < d; ++j) m0[i * d + j] += 50 * known(r, i) * known(r, j);
      }
    }
    for (const double p : {3.0, 6.0}) {
      CAPTURE(trial, p);
      CHECK(checked(k, m0, p, first_columns(d)) <= checked(k, {}, p, first_columns(d)));
    }
  }
}

TEST_CASE("arrival weights of rows that do not span, of zeros, of nothing") {
  support::Random random(4);
  for (int trial = 0; trial < 20; ++trial) {
    const std::size_t n = 60, d = 5;
    Matrix k(n, d);
    for (std::size_t r = 0; r < n; ++r) {  // the last two columns depend on the others; integers stay exact
      for (std::size_t c = 0; c < 3; ++c) k(r, c) = random.integer(-9, 9);
      k(r, 3) = k(r, 0) + k(r, 1);
      k(r, 4) = k(r, 2) - 2 * k(r, 0);
    }
    for (std::size_t c = 0; c < d; ++c) k(7, c) = 0.0;
    for (const double p : {3.0, 4.0, 6.0})
      CHECK(checked(k, {}, p, {0, 1, 2}) <= 3 * std::pow(4.6, p / (p - 2)));
    CHECK(arrival_exponents(k.values.data(), n, d, {}, 4.0)[7] == kLeastArrival);
  }
  const Matrix one_hot(4, 4, {1, 0, 0, 0, /**/ 0, 1e-150, 0, 0, /**/ 0, 0, 1e150, 0, /**/ 0, 0, 0, 1});
  CHECK(arrival_exponents(one_hot.values.data(), 4, 4, {}, 3.0) == std::vector<int>{0, 0, 0, 0});
  CHECK(arrival_exponents(nullptr, 0, 3, {}, 3.0).empty());
  CHECK_THROWS_AS(arrival_exponents(one_hot.values.data(), 4, 4, {}, 2.0), heavykeys::InvalidInput);
}

TEST_CASE("a row alone in its direction has weight 1, however small and however turned") {
  support::Random random(5);
  for (const double size : {1e-3, 1e-9, 1e-30, 1e-300}) {
    Matrix k(200, 3);
    for (std::size_t r = 0; r < 200; ++r) {
      const double a = random.integer(-99, 99), b = random.integer(-99, 99);
      k(r, 0) = a;
      k(r, 1) = a + b;
      k(r, 2) = b;
    }
    for (std::size_t c = 0; c < 3; ++c) k(50, c) = size * (c == 1 ? -1 : 1);
    CHECK(arrival_exponents(k.values.data(), 200, 3, {}, 4.0)[50] == 0);
  }
}

TEST_CASE("arrival weights of every family are in range, and the same when columns are scaled") {
  support::Random random(6);
  std::size_t scaled = 0;
  for (const auto& family : support::families()) {
    support::Request request;
    request.n = 80;
    request.d = 6;
    Matrix k = family.make(request, random);
    INFO(family.name);
    const auto exponents = arrival_exponents(k.values.data(), k.rows, k.cols, {}, 3.0);
    for (int a : exponents) REQUIRE((kLeastArrival <= a && a <= 0));
    bool exact = true;  // unless the family already fills float64's range
    for (std::size_t i = 0; i < k.values.size(); ++i) {
      const double before = k.values[i];
      const int shift = static_cast<int>(i % k.cols) * 7 - 20;
      k.values[i] = std::ldexp(before, shift);
      exact &= std::ldexp(k.values[i], -shift) == before;
    }
    if (!exact) continue;
    ++scaled;
    CHECK(arrival_exponents(k.values.data(), k.rows, k.cols, {}, 3.0) == exponents);
  }
  CHECK(scaled + 3 >= support::families().size());
}
