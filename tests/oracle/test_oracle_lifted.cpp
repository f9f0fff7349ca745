// The lifted oracle, the onion and polynomial weights on cases that can be checked by hand.
#include <catch2/catch.hpp>
#include <random>

#include "lifted.hpp"

using oracle::Fraction;
using oracle::Int;
using oracle::Lifted;
using Values = std::vector<double>;
using Ids = std::vector<std::size_t>;
using Layers = std::vector<int>;

namespace {

bool equals(const Fraction& f, long num, long den) { return f.num * den == f.den * num; }

Values random_integers(std::mt19937_64& engine, std::size_t count, int range) {
  Values v(count);
  for (double& x : v) x = static_cast<double>(static_cast<int>(engine() % (2 * range + 1)) - range);
  return v;
}

}  // namespace

TEST_CASE("degree 1 is the plain leverage") {
  std::mt19937_64 engine(1);
  for (int round = 0; round < 40; ++round) {
    const std::size_t d = 1 + engine() % 4, n = 1 + engine() % 12;
    Values k = random_integers(engine, n * d, 3);
    for (double& x : k) x = std::ldexp(x, -7);
    const Lifted lifted(k, n, d, {1});
    const oracle::Problem plain(k, n, d);
    CHECK(lifted.dim() == d);
    CHECK(lifted.rank() == plain.rank());
    for (std::size_t j = 0; j < n; ++j) CHECK(compare(lifted.leverage(j), plain.leverage(j)) == 0);
  }
}

TEST_CASE("the monomials are counted: C(d + s - 1, s) of degree s, one of degree 0") {
  const Values k = {1, 2, 3, 4, 5, 6};
  CHECK(Lifted(k, 2, 3, {2}).dim() == 6);
  CHECK(Lifted(k, 2, 3, {3}).dim() == 10);
  CHECK(Lifted(k, 2, 3, {0, 1}).dim() == 4);
  CHECK(Lifted(k, 2, 3, {0, 1, 2, 3}).dim() == 20);
  CHECK(Lifted(k, 1, 6, {0}).dim() == 1);
}

TEST_CASE("in one column, degree s is the leverage of the powers") {
  // keys 1, 2: squares 1, 4: weights 1/17, 16/17; cubes 1, 8: 1/65, 64/65
  CHECK(equals(Lifted({1, 2}, 2, 1, {2}).leverage(1), 16, 17));
  CHECK(equals(Lifted({1, -2}, 2, 1, {3}).leverage(0), 1, 65));
}

TEST_CASE("three keys in the plane are independent as squares, and dependent as themselves") {
  // (1 0), (1 1), (0 1) have monomials x^2, xy, y^2: (1 0 0), (1 1 1), (0 0 1), of rank 3
  const Lifted squares({1, 0, 1, 1, 0, 1}, 3, 2, {2}), plain({1, 0, 1, 1, 0, 1}, 3, 2, {1});
  CHECK(squares.rank() == 3);
  CHECK(plain.rank() == 2);
  for (std::size_t j = 0; j < 3; ++j) {
    CHECK(equals(squares.leverage(j), 1, 1));
    CHECK(equals(plain.leverage(j), 2, 3));
  }
  CHECK(squares.universal({1, 1}) == Ids{0, 1, 2});
  CHECK(plain.universal({1, 1}).empty());
}

TEST_CASE("with degree 0 a zero key has a leverage: it is one of few keys of score f(0)") {
  // rows (1 0), (1 0), (1 5): the third alone has the second coordinate
  const Lifted p({0, 0, 5}, 3, 1, {0, 1});
  CHECK(p.rank() == 2);
  CHECK(equals(p.leverage(0), 1, 2));
  CHECK(equals(p.leverage(1), 1, 2));
  CHECK(equals(p.leverage(2), 1, 1));
}

TEST_CASE("lifted leverages lie in [0, 1], sum to the rank, and bound the weights of every query") {
  std::mt19937_64 engine(5);
  for (int round = 0; round < 20; ++round) {
    const std::size_t d = 1 + engine() % 3, n = 1 + engine() % 14;
    const Values k = random_integers(engine, n * d, 3);
    const Lifted squares(k, n, d, {2}), both(k, n, d, {0, 1});
    for (const Lifted* p : {&squares, &both}) {
      Fraction sum;
      for (std::size_t j = 0; j < n; ++j) {
        const Fraction& t = p->leverage(j);
        CHECK(compare(t, 0.0) >= 0);
        CHECK(compare(t, 1.0) <= 0);
        sum = {sum.num * t.den + t.num * sum.den, sum.den * t.den};
      }
      CHECK(equals(sum, static_cast<long>(p->rank()), 1));
    }
    for (int i = 0; i < 5; ++i) {
      const Values q = random_integers(engine, d, 4);
      const auto x = oracle::dots(k, n, d, q.data());
      const auto fourth = heavy(x, {0, 0, 1}, 5e-324, n), shifted = heavy(x, {0.25, 1}, 5e-324, n);
      for (std::size_t e = 0; e < fourth.keys.size(); ++e) {
        CHECK(compare(fourth.weights[e], squares.leverage(fourth.keys[e])) <= 0);
      }
      for (std::size_t e = 0; e < shifted.keys.size(); ++e) {
        CHECK(compare(shifted.weights[e], both.leverage(shifted.keys[e])) <= 0);
      }
    }
  }
}

TEST_CASE("the onion by hand: what hid behind a greater key comes out in the next layer") {
  // squares 100, 9, 4, 1 of 114: only the first is >= 1/2; then 9 of 14, then 4 of 5, then 1 of 1
  const Lifted p({10, 3, 2, 1}, 4, 1, {1});
  const Fraction half{1, 2};
  CHECK(p.onion({half}) == Layers{1, 0, 0, 0});
  CHECK(p.onion({half, half}) == Layers{1, 2, 0, 0});
  CHECK(p.onion({half, half, half, half, half}) == Layers{1, 2, 3, 4});
  CHECK(p.onion({}) == Layers{0, 0, 0, 0});
}

TEST_CASE("the onion stops where nothing is heavy, and ties are taken") {
  const Lifted p({2, 1, 1, 1, 1}, 5, 1, {1});  // 4 of 8 is 1/2; then 1/4 each
  const Fraction half{1, 2}, quarter{1, 4}, above{2, 3};
  CHECK(p.onion({half, half, half}) == Layers{1, 0, 0, 0, 0});
  CHECK(p.onion({half, quarter}) == Layers{1, 2, 2, 2, 2});
  CHECK(p.onion({above, half}) == Layers{2, 0, 0, 0, 0});  // each layer has a threshold of its own
}

TEST_CASE("the onion in two columns: removing a direction lowers the rank") {
  const Lifted p({5, 0, 0, 1, 0, 1, 0, 1}, 4, 2, {1});
  const Fraction half{1, 2}, third{1, 3};
  CHECK(p.onion({half, half}) == Layers{1, 0, 0, 0});
  CHECK(p.onion({half, third}) == Layers{1, 2, 2, 2});
}

TEST_CASE(
    "T5: no query of small whole numbers makes a key heavy that the onion leaves, f = x^2 / (1 + x^2)") {
  // Also with a threshold that rises, epsilon / (1 - (t - 1) epsilon) at layer t: docs/experiments.md.
  std::mt19937_64 engine(21);
  std::size_t left = 0, near = 0;
  for (int round = 0; round < 150; ++round) {
    const long parts = 2 + static_cast<long>(engine() % 4);  // epsilon = 1 / parts
    const std::size_t d = 1 + engine() % 2, n = 6 + engine() % 20;
    Values k = random_integers(engine, n * d, 3);
    for (std::size_t j = 0; j < n; ++j) {
      const double size = std::ldexp(1.0, static_cast<int>(engine() % 6) * 2 - 8);
      for (std::size_t c = 0; c < d; ++c) k[j * d + c] *= size;
    }
    std::vector<Fraction> flat, rising;
    for (long t = 1; t <= parts; ++t) {
      flat.push_back({1, 2 * parts - 1});  // epsilon / (2 - epsilon)
      rising.push_back({1, parts - (t - 1)});
    }
    const Lifted p(k, n, d, {1});
    const Layers first = p.onion(flat), second = p.onion(rising);
    for (std::size_t j = 0; j < n; ++j) {
      CHECK((first[j] > 0 || second[j] == 0));  // the sharper set is part of the other
      left += second[j] == 0;
    }
    for (int a = -6; a <= 6; ++a) {
      for (int b = d == 1 ? 0 : -6; b <= (d == 1 ? 0 : 6); ++b) {
        for (int size = -8; size <= 8; size += 2) {
          const Values q = {std::ldexp(a, size), std::ldexp(b, size)};
          const auto x = oracle::dots(k, n, d, q.data());
          long double total = 0;
          const auto f = [&](std::size_t j) { return 1 - 1 / (1 + x.rounded(j) * x.rounded(j)); };
          for (std::size_t j = 0; j < n; ++j) total += f(j);
          for (std::size_t j = 0; j < n; ++j) {
            if (second[j] > 0) continue;
            CHECK(f(j) * parts < total * (1 + 1e-15L) + 1e-300L);
            near += f(j) * parts > 0.9L * total && total > 0;
          }
        }
      }
    }
  }
  CHECK(left >= 300);
  CHECK(near >= 10);  // the search came close
}

TEST_CASE("zero rows are in no layer") {
  CHECK(Lifted({0, 0, 0, 0}, 2, 2, {1}).onion({{1, 100}, {1, 100}}) == Layers{0, 0});
}

TEST_CASE("products are exact, and round to long double") {
  const Values k = {1, 0x1p-500, 3, -0x1p300, 0, 0}, q = {2, 0x1p-400};
  const auto x = oracle::dots(k, 3, 2, q.data());
  CHECK(x.rounded(0) == 2.0L);  // 2 + 2^-900
  CHECK(x.values[0] * 1 == ((Int(1) << (1 - x.exponent)) + (Int(1) << (-900 - x.exponent))));
  CHECK(std::abs(x.rounded(1) - 6.0L) < 0x1p-59L);  // 6 - 2^-100, cut to 63 bits
  CHECK(x.rounded(2) == 0.0L);
  const Values zero = {0, 0};
  CHECK(oracle::dots(k, 3, 2, zero.data()).rounded(0) == 0.0L);
  const Values large = {std::numeric_limits<double>::max()};
  CHECK(oracle::dots(large, 1, 1, large.data()).rounded(0) ==
        static_cast<long double>(large[0]) * static_cast<long double>(large[0]));
}

TEST_CASE("polynomial weights by hand") {
  const Values k = {1, 2, 0}, q = {1};
  const auto x = oracle::dots(k, 3, 1, q.data());
  const auto cubes = heavy(x, {0, 0, 0, 1}, 0.01, 3);  // 1, 64, 0
  CHECK(cubes.keys == Ids{0, 1});
  CHECK(equals(cubes.weights[0], 1, 65));
  const auto sum = heavy(x, {0, 1, 0.5}, 0.2, 3);  // 3/2, 12, 0
  CHECK(sum.keys == Ids{1});
  CHECK(equals(sum.weights[0], 8, 9));
  const auto shifted = heavy(x, {0.25, 1}, 0.01, 3);  // 5/4, 17/4, 1/4
  CHECK(shifted.keys == Ids{0, 1, 2});
  CHECK(equals(shifted.weights[0], 5, 23));
  CHECK(equals(shifted.weights[2], 1, 23));
  CHECK(equals(heavy(x, {0.25, 1}, 0.01, 2).weights[0], 5, 22));  // of the first two alone
}

TEST_CASE("ties of polynomial weights are entries; a query of all zeros has none unless f(0) > 0") {
  const Values k = {1, 1, 1, 1}, q = {3}, zero = {0};
  const auto x = oracle::dots(k, 4, 1, q.data()), none = oracle::dots(k, 4, 1, zero.data());
  CHECK(heavy(x, {0, 1, 0.5}, 0.25, 4).keys == Ids{0, 1, 2, 3});
  CHECK(heavy(x, {0, 1, 0.5}, std::nextafter(0.25, 1.0), 4).keys.empty());
  CHECK(heavy(none, {0, 1, 0.5}, 0.25, 4).keys.empty());
  CHECK(heavy(none, {0.1, 1}, 0.25, 4).keys == Ids{0, 1, 2, 3});
}

TEST_CASE("degree 2 of x^2 alone agrees with the plain oracle's weights") {
  std::mt19937_64 engine(9);
  for (int round = 0; round < 20; ++round) {
    const Values k = random_integers(engine, 24, 5), q = random_integers(engine, 3, 5);
    const oracle::Problem p(k, 8, 3);
    const auto a = p.heavy(q.data(), 0.1), b = heavy(oracle::dots(k, 8, 3, q.data()), {0, 1}, 0.1, 8);
    CHECK(a.keys == b.keys);
    for (std::size_t e = 0; e < a.keys.size(); ++e) {
      CHECK(compare(a.weights[e], b.weights[e]) == 0);
    }
  }
}
