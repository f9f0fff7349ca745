// The loops of the scan against long double and exact arithmetic: values, and that the bounds hold.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "heavykeys/isa.hpp"
#include "lib/scan_block.hpp"
#include "lib/scan_kernels.hpp"
#include "support/random.hpp"

using namespace heavykeys::detail;

namespace {

using Numbers = std::vector<double>;

/// Runs `body` on every instruction set; it returns numbers that must be the same bits on all.
template <class Body>
void on_every_isa(const Body& body) {
  Numbers first;
  for (const std::string& isa : heavykeys::available_isas()) {
    CAPTURE(isa);
    heavykeys::set_isa(isa);
    const Numbers bits = body();
    if (first.empty()) first = bits;
    CHECK(bits == first);
  }
  heavykeys::set_isa(heavykeys::available_isas().back());
}

long double f(const EvenTerm& t, long double x) {
  switch (t.kind) {
    case EvenTerm::Kind::power:
      return std::pow(std::fabs(x), t.halves / 2.0L);
    case EvenTerm::Kind::expressive:
      return x * x / (1 + x * x);
    case EvenTerm::Kind::polynomial: {
      long double sum = 0;
      for (int i = 5; i-- > 0;) sum = sum * x * x + t.coefficients[i];
      return sum;
    }
  }
  return 0;
}

}  // namespace

TEST_CASE("exp_terms: within its bound of e^t, t = t + rest, for every exponent within the radius") {
  on_every_isa([] {
    support::Random random(1);
    Numbers all;
    double worst = 0;
    for (int round = 0; round < 20000; ++round) {
      double t[8], rest[8], radius[8], term[8], error[8];
      for (int u = 0; u < 8; ++u) {
        t[u] = (random.uniform() * 2 - 1.7) * (round % 2 == 0 ? 400 : 64);
        rest[u] = (random.uniform() - 0.5) * std::fabs(t[u]) * 0x1p-52;
        radius[u] = round % 3 == 0 ? 0.0 : std::ldexp(random.uniform(), -random.integer(-6, 50));
      }
      exp_terms(t, rest, radius, 8, term, error);
      for (int u = 0; u < 8; ++u) {
        const long double y = static_cast<long double>(t[u]) + rest[u];
        worst = std::max(worst, static_cast<double>(std::fabs(term[u] / std::exp(y) - 1)));
        for (const int side : {-1, 1}) {
          const long double far = std::exp(y + side * static_cast<long double>(radius[u]));
          if (!(std::fabs(term[u] - far) <= static_cast<long double>(error[u]))) {
            FAIL("t = " << t[u] << ", radius " << radius[u]);
          }
        }
        all.insert(all.end(), {term[u], error[u]});
      }
    }
    CHECK(worst < 0x1p-51);
    return all;
  });
  double t[8] = {-744, -746, -1e9, -1e300, 0, -0.0, 700, -700}, rest[8] = {}, radius[8] = {}, term[8],
         error[8];
  exp_terms(t, rest, radius, 8, term, error);
  CHECK(term[1] == 0);
  CHECK(term[2] == 0);
  CHECK(term[3] == 0);
  CHECK(term[4] == 1);
  CHECK(term[5] == 1);
}

TEST_CASE("logits: t + rest within the radius of scale x - shift") {
  on_every_isa([] {
    support::Random random(2);
    Numbers all;
    for (int round = 0; round < 20000; ++round) {
      double x[8], lo[8], e[8], t[8], rest[8], radius[8];
      const double scale = 1 + random.uniform(), size = std::ldexp(1.0, random.integer(-20, 40));
      const Shift shift = {round % 2 == 0 ? 0.0 : random.gaussian() * size,
                           round % 4 == 1 ? (random.uniform() - 0.5) * size * 0x1p-54 : 0.0};
      for (int u = 0; u < 8; ++u) {
        x[u] = random.gaussian() * size;
        lo[u] = (random.uniform() - 0.5) * std::fabs(x[u]) * 0x1p-53;
        e[u] = round % 3 == 0 ? 0.0 : size * random.uniform() * 0x1p-40;
      }
      const bool twice = round % 5 != 0;
      const double top = logits(scale, shift, x, twice ? lo : nullptr, e, 8, t, rest, radius);
      double greatest = t[0];
      for (int u = 0; u < 8; ++u) {
        greatest = std::max(greatest, t[u]);
        // Exactly, as far as long double goes: products of two doubles do not fit it, so a 2^-64 of slack.
        const heavykeys::detail::Dyadic exact =
            heavykeys::detail::Dyadic(scale) * (Dyadic(x[u]) + Dyadic(twice ? lo[u] : 0.0)) +
            Dyadic(shift.hi).negated() + Dyadic(shift.lo).negated() + Dyadic(t[u]).negated() +
            Dyadic(rest[u]).negated();
        const double off = std::fabs(exact.rounded().hi);
        if (!(off + std::fabs(scale) * e[u] <= radius[u])) FAIL("x = " << x[u] << ", off by " << off);
        all.insert(all.end(), {t[u], rest[u], radius[u]});
      }
      if (top != greatest) FAIL("greatest");
    }
    return all;
  });
}

TEST_CASE("even_terms: within its bound of f anywhere within e") {
  on_every_isa([] {
    support::Random random(3);
    Numbers all;
    std::vector<EvenTerm> terms;
    for (const int halves : {1, 2, 3, 4, 5, 6, 13, 128}) {
      terms.push_back({EvenTerm::Kind::power, halves, {}, std::max(1.0, halves / 2.0), 0.0});
    }
    terms.push_back({EvenTerm::Kind::polynomial, 0, {0.5, 0, 2, 0, 1}, 8.0, 0.0});
    terms.push_back({EvenTerm::Kind::polynomial, 0, {0, 1, 0, 0, 0}, 2.0, 0.0});
    terms.push_back({EvenTerm::Kind::expressive, 0, {}, 2.0, 0.0});
    for (EvenTerm& t : terms) {
      t.rounding = (t.growth + 8.0) * 0x1p-52;
      for (int round = 0; round < 2000; ++round) {
        double x[8], e[8], value[8], error[8];
        for (int u = 0; u < 8; ++u) {
          x[u] = random.gaussian() * std::ldexp(1.0, random.integer(-7, 7));
          e[u] =
              round % 4 == 0 ? 0.0 : std::fabs(x[u]) * std::ldexp(random.uniform(), -random.integer(-3, 50));
          if (round % 7 == 0) x[u] = 0.0;
        }
        even_terms(t, x, e, 8, value, error);
        for (int u = 0; u < 8; ++u) {
          for (const double part : {-1.0, -0.5, 0.0, 0.5, 1.0}) {
            const long double there =
                f(t, static_cast<long double>(x[u]) + static_cast<long double>(part) * e[u]);
            if (!(std::fabs(there - value[u]) <=
                  static_cast<long double>(error[u]) * (1 + 1e-12L) + 1e-300L)) {
              FAIL("kind " << static_cast<int>(t.kind) << " x = " << x[u] << ", e = " << e[u]);
            }
          }
          if (e[u] == 0.0 && error[u] > value[u] * 1e-13) FAIL("too careful at x = " << x[u]);
          all.insert(all.end(), {value[u], error[u]});
        }
      }
    }
    return all;
  });
}

TEST_CASE("dot_products_twice: within gamma^2 of the exact product, cancellation or not") {
  on_every_isa([] {
    support::Random random(4);
    Numbers all;
    for (int round = 0; round < 300; ++round) {
      const std::size_t dim = 1 + random.below(40), ld = 16;
      Numbers q(dim), k(dim * ld), hi(ld), lo(ld), size(ld);
      for (double& v : q) v = std::ldexp(random.gaussian(), random.integer(-30, 30));
      for (double& v : k) v = std::ldexp(random.gaussian(), random.integer(-30, 30));
      if (dim > 3 && round % 2 == 0) {  // two terms that cancel
        q[dim - 1] = -q[0];
        for (std::size_t u = 0; u < ld; ++u) k[(dim - 1) * ld + u] = k[u] = k[u] * 0x1p80;
      }
      dot_products_twice(q.data(), dim, k.data(), ld, hi.data(), lo.data(), size.data());
      for (std::size_t u = 0; u < ld; ++u) {
        Numbers row(dim);
        double absolute = 0;
        for (std::size_t i = 0; i < dim; ++i) {
          row[i] = k[i * ld + u];
          absolute += std::fabs(q[i] * row[i]);
        }
        const Dyadic off =
            exact_product(q.data(), row.data(), dim) + Dyadic(hi[u]).negated() + Dyadic(lo[u]).negated();
        const double gamma = static_cast<double>(dim + 2) * 0x1p-53;
        if (!(std::fabs(off.rounded().hi) <= 2 * gamma * gamma * size[u])) FAIL("dim " << dim);
        if (!(std::fabs(size[u] / absolute - 1) < 1e-13)) FAIL("size");
        if (!(hi[u] + lo[u] == hi[u])) FAIL("hi is not the nearest");
        all.insert(all.end(), {hi[u], lo[u], size[u]});
      }
    }
    return all;
  });
}

TEST_CASE("sum_terms adds in one order, whatever the vectors") {
  on_every_isa([] {
    support::Random random(5);
    Numbers all;
    for (std::size_t n = 0; n <= 264; n += 8) {
      Numbers x(n), y(n);
      double groups[2][8] = {}, total[2] = {};
      for (std::size_t u = 0; u < n; ++u) {
        x[u] = std::ldexp(random.uniform(), random.integer(-30, 30));
        y[u] = std::ldexp(random.uniform(), random.integer(-30, 30));
        groups[0][u % 8] += x[u];
        groups[1][u % 8] += y[u];
      }
      for (int i = 0; i < 2; ++i) {
        for (const double part : groups[i]) total[i] += part;
      }
      const TermSums sums = sum_terms(x.data(), y.data(), n);
      CHECK(sums.term == total[0]);
      CHECK(sums.error == total[1]);
      all.insert(all.end(), {sums.term, sums.error});
    }
    return all;
  });
}

TEST_CASE("all_known, extremes and scale_products are what their names say") {
  on_every_isa([] {
    support::Random random(6);
    Numbers all;
    for (int round = 0; round < 500; ++round) {
      const std::size_t n = 8 * (1 + random.below(32)), seen = 1 + random.below(n);
      Numbers x(n), y(n), a(n), b(n);
      for (double& v : x) v = random.gaussian();
      for (double& v : y) v = random.uniform();
      const Extremes found = extremes(x.data(), seen);
      CHECK(found.least == *std::min_element(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(seen)));
      CHECK(found.greatest == *std::max_element(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(seen)));
      scale_products(x.data(), y.data(), n, 3.0, 0.1, a.data(), b.data());
      bool known = true;
      for (std::size_t u = 0; u < n; ++u) {
        CHECK((a[u] == x[u] * 3.0 && b[u] == y[u] * 0.1));
        x[u] = std::fabs(x[u]);
        y[u] *= x[u] * (random.below(2 * n) == 0 ? 2 : 0.5);
        known = known && (x[u] + y[u] < 1.0 || y[u] <= 0.5 * x[u]);
      }
      CHECK(all_known(x.data(), y.data(), n, 1.0, 0.5) == known);
      all.push_back(found.least);
    }
    return all;
  });
}
