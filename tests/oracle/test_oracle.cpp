// The oracle on cases that can be checked by hand, and on identities that only the right answer satisfies.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "oracle.hpp"

using oracle::Fraction;
using oracle::Int;
using oracle::Problem;
using Values = std::vector<double>;
using Ids = std::vector<std::size_t>;

namespace {

bool equals(const Fraction& f, long num, long den) { return f.num * den == f.den * num; }

Fraction sum_of_leverage(const Problem& p, std::size_t n) {
  Fraction sum;
  for (std::size_t j = 0; j < n; ++j) {
    const Fraction& t = p.leverage(j);
    sum = {sum.num * t.den + t.num * sum.den, sum.den * t.den};
  }
  return sum;
}

Values random_integers(std::mt19937_64& engine, std::size_t count, int range) {
  Values v(count);
  for (double& x : v) x = static_cast<double>(static_cast<int>(engine() % (2 * range + 1)) - range);
  return v;
}

}  // namespace

TEST_CASE("a double is its mantissa and exponent exactly") {
  for (double x : {1.0, -3.0, 0.2, 1e300, -5e-324, std::numeric_limits<double>::max(), 6.25e-310}) {
    const oracle::Dyadic v = oracle::dyadic(x);
    CHECK(v.mantissa % 2 != 0);
    CHECK(std::ldexp(static_cast<double>(v.mantissa), v.exponent) == x);
    CHECK(compare(oracle::exactly(x), x) == 0);
    CHECK(compare(oracle::exactly(x), std::nextafter(x, -INFINITY)) > 0);
    CHECK(oracle::approximate(oracle::exactly(x)) == Approx(x).epsilon(1e-12));
  }
  CHECK(oracle::dyadic(0.0).mantissa == 0);
  CHECK(oracle::dyadic(-12.0).mantissa == -3);
  CHECK(oracle::dyadic(-12.0).exponent == 2);
}

TEST_CASE("the doubles 0.2 and 0.1 lie above 1/5 and 1/10, 0.3 lies below 3/10") {
  CHECK(compare(Fraction{1, 5}, 0.2) < 0);
  CHECK(compare(Fraction{1, 10}, 0.1) < 0);
  CHECK(compare(Fraction{3, 10}, 0.3) > 0);
  CHECK(compare(Fraction{1, 8}, 0.125) == 0);
}

TEST_CASE("close is a relative distance") {
  CHECK(close(0.5, Fraction{1, 2}, 0.0));
  CHECK(close(1.0 / 3, Fraction{1, 3}, 1e-16));
  CHECK_FALSE(close(1.0 / 3, Fraction{1, 3}, 1e-18));
  CHECK(close(0.0, Fraction{0, 7}, 1e-9));
  CHECK_FALSE(close(1e-300, Fraction{0, 7}, 1e-9));
  CHECK(close(-1.001, Fraction{-1, 1}, 0.0011));
  CHECK_FALSE(close(1.0, Fraction{-1, 1}, 0.5));
}

TEST_CASE("the grid keeps what has at most P bits below the column's maximum") {
  // max 3 < 2^2, P = 3: the step is 1/2
  CHECK(oracle::grid({3, 1, 0.5, -2.5, 0}, 5, 1, 16, 3) == Values{3, 1, 0.5, -2.5, 0});
}

TEST_CASE("the grid rounds half to even, both signs") {
  // max 3.25 < 4, P = 3: the step is 1/2; halves of it go to the even multiple
  CHECK(oracle::grid({3.25, 0.25, 0.75, 1.25, -0.25, -0.75, -1.25, 0.26, 0.24}, 9, 1, 16, 3) ==
        Values{3, 0, 1, 1, 0, -1, -1, 0.5, 0});
}

TEST_CASE("a power of two needs one exponent more; rounding up to 2^e is kept") {
  CHECK(oracle::grid({4, 0.5, 0.4}, 3, 1, 16, 3) == Values{4, 0, 0});  // e = 3, step 1: 0.5 ties to 0
  CHECK(oracle::grid({3.99, 1}, 2, 1, 16, 3) == Values{4, 1});
}

TEST_CASE("every block and every column has a grid of its own; the last block may be short") {
  Values keys(2 * 20, 0.0);
  keys[0] = 64;            // block 0, column 0: e = 7
  keys[2 * 1] = 0.25;      // far below its step
  keys[2 * 1 + 1] = 0.25;  // block 0, column 1: alone
  keys[2 * 16] = 0.25;     // block 1, of 4 rows
  const Values g = oracle::grid(keys, 20, 2, 16, 3);
  CHECK(g[0] == 64);
  CHECK(g[2 * 1] == 0);
  CHECK(g[2 * 1 + 1] == 0.25);
  CHECK(g[2 * 16] == 0.25);
  CHECK(std::accumulate(g.begin(), g.end(), 0.0) == 64.5);
}

TEST_CASE("the grid at the ends of the double range") {
  const double least = std::numeric_limits<double>::denorm_min(), most = std::numeric_limits<double>::max();
  CHECK(oracle::grid({least, 3 * least, 0}, 3, 1, 16, 24) == Values{least, 3 * least, 0});
  CHECK(oracle::grid({17 * least, least}, 2, 1, 16, 3) == Values{16 * least, 0});
  // q would be 2^P at e = 1024: saturates to 2^P - 1
  CHECK(oracle::grid({most, -most, 1}, 3, 1, 16, 24) ==
        Values{std::ldexp(0x1p24 - 1, 1000), -std::ldexp(0x1p24 - 1, 1000), 0});
}

TEST_CASE("identity keys: every leverage is 1, every key heavy at epsilon = 1") {
  const Problem p({1, 0, 0, 0, 1, 0, 0, 0, 1}, 3, 3);
  CHECK(p.rank() == 3);
  for (std::size_t j = 0; j < 3; ++j) CHECK(equals(p.leverage(j), 1, 1));
  CHECK(p.universal(1.0) == Ids{0, 1, 2});
  CHECK(p.null_query().empty());
}

TEST_CASE("c copies of a row share the leverage: 1/c each") {
  const Problem p({2, 0, 2, 0, -2, 0, 0, 7, 2, 0}, 5, 2);
  for (std::size_t j : {0, 1, 2, 4}) CHECK(equals(p.leverage(j), 1, 4));
  CHECK(equals(p.leverage(3), 1, 1));
  CHECK(p.universal(0.25) == Ids{0, 1, 2, 3, 4});  // a tie is a member
  CHECK(p.universal(std::nextafter(0.25, 1.0)) == Ids{3});
}

TEST_CASE("five copies are not heavy at the double 0.2, which lies above 1/5") {
  const Problem p({1, 1, 1, 1, 1}, 5, 1);
  CHECK(equals(p.leverage(0), 1, 5));
  CHECK(p.universal(0.2).empty());
  CHECK(p.universal(std::nextafter(0.2, 0.0)) == Ids{0, 1, 2, 3, 4});
}

TEST_CASE("two columns by hand") {
  // K = (1 0; 1 1; 0 1): G = (2 1; 1 2), G^-1 = (2 -1; -1 2) / 3, tau = 2/3 each
  const Problem p({1, 0, 1, 1, 0, 1}, 3, 2);
  CHECK(p.rank() == 2);
  for (std::size_t j = 0; j < 3; ++j) CHECK(equals(p.leverage(j), 2, 3));
  CHECK(p.universal(0.6) == Ids{0, 1, 2});
  CHECK(p.universal(0.7).empty());
}

TEST_CASE("zero rows have leverage 0 and zero columns no rank") {
  const Problem p({0, 3, 0, 0, 0, 0, 0, 4, 0}, 3, 3);
  CHECK(p.rank() == 1);
  CHECK(equals(p.leverage(0), 9, 25));
  CHECK(equals(p.leverage(1), 0, 1));
  CHECK(equals(p.leverage(2), 16, 25));
  const Problem nothing(Values(6, 0.0), 2, 3);
  CHECK(nothing.rank() == 0);
  CHECK(nothing.universal(0.01).empty());
}

TEST_CASE("fewer rows than columns: independent rows have leverage 1") {
  const Problem p({1, 2, 3, 4, 0, 1, 5, 1}, 2, 4);
  CHECK(p.rank() == 2);
  CHECK(p.universal(1.0) == Ids{0, 1});
}

TEST_CASE("dependent columns: leverage is that of the space they span") {
  // third column = first + second
  const Problem p({1, 0, 1, 1, 1, 2, 0, 1, 1}, 3, 3), q({1, 0, 1, 1, 0, 1}, 3, 2);
  CHECK(p.rank() == 2);
  for (std::size_t j = 0; j < 3; ++j) CHECK(equals(p.leverage(j), 2, 3));
  const Values null = p.null_query();
  CHECK(null == Values{-1, -1, 1});
  CHECK(p.heavy(null.data(), 0.01).keys.empty());
  CHECK(q.null_query().empty());
}

TEST_CASE("leverage does not see the scale of a column, down to 2^-1000") {
  const double tiny = 0x1p-1000, huge = 0x1p900;
  const Problem p({huge, 0, huge, tiny, 0, tiny}, 3, 2);
  for (std::size_t j = 0; j < 3; ++j) CHECK(equals(p.leverage(j), 2, 3));
}

TEST_CASE("a hair decides: one part in 2^200 is seen") {
  const Problem p({1, 0x1p-100}, 2, 1);
  CHECK(p.universal(1.0).empty());
  CHECK(p.universal(std::nextafter(1.0, 0.0)) == Ids{0});
}

TEST_CASE("heavy entries by hand, plain and on a prefix") {
  const Problem p({1, 0, 0, 2, 1, 1}, 3, 2);
  const Values q{1, 1};  // dots 1, 2, 2: weights 1/9, 4/9, 4/9
  const auto all = p.heavy(q.data(), 0.2);
  CHECK(all.keys == Ids{1, 2});
  CHECK(equals(all.weights[0], 4, 9));
  CHECK(equals(all.weights[1], 4, 9));
  const auto two = p.heavy(q.data(), 0.2, 2);  // 1/5 < 0.2 < 4/5
  CHECK(two.keys == Ids{1});
  CHECK(equals(two.weights[0], 4, 5));
  CHECK(p.heavy(q.data(), 1.0, 1).keys == Ids{0});
  CHECK(p.heavy(q.data(), 0.01, 0).keys.empty());
  const Values zero{0, 0};
  CHECK(p.heavy(zero.data(), 0.01).keys.empty());
}

TEST_CASE("heavy entries do not see the scale of the query") {
  const Problem p({1, 0, 0, 0x1p-30, 3, 0x1p-31}, 3, 2);
  for (double scale : {1.0, -0x1p-1000, 0x1p900}) {
    const Values q{scale, 0x1p31 * scale};  // dots 1, 2, 4
    const auto heavy = p.heavy(q.data(), 0.19);
    CHECK(heavy.keys == Ids{1, 2});
    CHECK(equals(heavy.weights[0], 4, 21));
  }
}

TEST_CASE("the adjugate times the matrix is the determinant") {
  std::vector<Int> a{2, 1, 1, 2};
  CHECK(oracle::invert(a, 2) == 3);
  CHECK(a == std::vector<Int>{2, -1, -1, 2});
}

TEST_CASE("on random integer keys: leverages lie in [0, 1] and sum to the rank, which elimination confirms") {
  std::mt19937_64 engine(1);
  for (int round = 0; round < 60; ++round) {
    const std::size_t d = 1 + engine() % 6, r = 1 + engine() % d, n = 1 + engine() % 14;
    const Values a = random_integers(engine, n * r, 3), b = random_integers(engine, r * d, 3);
    Values k(n * d, 0.0);
    for (std::size_t i = 0; i < n * d; ++i) {
      for (std::size_t t = 0; t < r; ++t) k[i] += a[i / d * r + t] * b[t * d + i % d];
    }
    const Problem p(k, n, d);
    CHECK(p.rank() <= std::min(r, n));
    CHECK(equals(sum_of_leverage(p, n), static_cast<long>(p.rank()), 1));
    for (std::size_t j = 0; j < n; ++j) {
      CHECK(compare(p.leverage(j), 0.0) >= 0);
      CHECK(compare(p.leverage(j), 1.0) <= 0);
    }
  }
}

TEST_CASE("leverage is the supremum: no query beats it and the best query comes close") {
  std::mt19937_64 engine(2);
  for (int round = 0; round < 20; ++round) {
    const std::size_t d = 1 + engine() % 5, n = 2 + engine() % 12;
    const Values k = random_integers(engine, n * d, 4);
    const Problem p(k, n, d);
    for (std::size_t j = 0; j < n; ++j) {
      if (p.leverage(j).num == 0) continue;
      const Values best = p.best_query(j);
      for (const Values& q : {best, random_integers(engine, d, 5)}) {
        const auto heavy = p.heavy(q.data(), 5e-324);
        for (std::size_t i = 0; i < heavy.keys.size(); ++i) {
          CHECK(compare(heavy.weights[i], p.leverage(heavy.keys[i])) <= 0);
        }
      }
      const auto heavy = p.heavy(best.data(), 5e-324);
      const auto at = std::find(heavy.keys.begin(), heavy.keys.end(), j);
      REQUIRE(at != heavy.keys.end());
      const Fraction& weight = heavy.weights[static_cast<std::size_t>(at - heavy.keys.begin())];
      CHECK(oracle::approximate(weight) == Approx(oracle::approximate(p.leverage(j))).epsilon(1e-12));
    }
  }
}

TEST_CASE("the oracle is usable at d = 32, n = 60") {
  std::mt19937_64 engine(3);
  const Values k = random_integers(engine, 60 * 32, 1 << 20);
  const Problem p(k, 60, 32);
  CHECK(p.rank() == 32);
  CHECK(equals(sum_of_leverage(p, 60), 32, 1));
}
