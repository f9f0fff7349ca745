// Condition numbers of gridded keys from 1e12 on, and magnitudes across 60 decades and more.
#include <algorithm>
#include <cmath>

#include "stress/demands.hpp"

namespace stress {
namespace {

using support::Matrix;
using support::Problem;
using support::Random;

Matrix small_integers(std::size_t n, std::size_t d, Random& random) {
  Matrix m(n, d);
  for (double& x : m.values) x = random.integer(-3, 3);
  return m;
}

/// Whole matrices of entries below 2^19 whose inverses are whole and large: all of it stays on the grid.
Matrix skewed_basis(std::size_t d, Random& random) {
  Matrix basis(d, d);
  for (std::size_t i = 0; i < d; ++i) basis(i, i) = 1;
  for (std::size_t step = 0; step < 40; ++step) {
    const std::size_t a = step % d, b = (a + 1 + random.below(d - 1)) % d;
    const double factor = random.integer(2, 40) * random.sign();
    Matrix next = basis;
    double greatest = 0;
    for (std::size_t c = 0; c < d; ++c) {
      next(a, c) += factor * basis(b, c);
      greatest = std::max(greatest, std::abs(next(a, c)));
    }
    if (greatest < 0x1p19) basis = next;
  }
  return basis;
}

Problem whole_and_skewed(Random& random) {
  const std::size_t d = 4 + random.below(3), n = d + 4 + random.below(40);
  heavykeys::Spec spec = any_spec(d, random);
  spec.grid_bits = 24;
  return problem("condition_integers", product(small_integers(n, d, random), skewed_basis(d, random)), spec);
}

Problem scaled_columns(Random& random) {
  const std::size_t d = 2 + random.below(4), n = d + 2 + random.below(40);
  Matrix m = support::gaussian({n, d}, random);
  for (std::size_t c = 0; c < d; ++c) {
    const int scale = c == 0 ? 0 : c == 1 ? -random.integer(46, 80) : -random.integer(0, 80);
    for (std::size_t r = 0; r < n; ++r) m(r, c) = std::ldexp(m(r, c), scale);
  }
  return problem("condition_columns", m, any_spec(d, random));
}

/// All but the last block lie on a few lines; full rank comes from rows 2^-44 to 2^-200 as large.
Problem tiny_blocks(Random& random) {
  const std::size_t d = 2 + random.below(3), lines = 1 + random.below(d - 1), n = 48;
  const heavykeys::Spec spec = support::make_spec(d, std::ldexp(1.0, -random.integer(1, 5)), 24, 16);
  Matrix m = product(small_integers(n, lines, random), small_integers(lines, d, random));
  const int scale = -random.integer(44, 200);
  for (std::size_t r = 32; r < n; ++r) {
    for (std::size_t c = 0; c < d; ++c) m(r, c) = std::ldexp(random.gaussian(), scale);
  }
  for (std::size_t c = 0; c < d; ++c) m(0, c) = 3;
  return problem("condition_blocks", m, spec);
}

/// A lower bound of the condition number of gridded keys, from exact numbers: its square is at least
/// max_i G_ii max_i (G^-1)_ii. 0 for deficient rank, whose condition number is not finite.
double condition(const Problem& p, const agreement::Exact& exact) {
  const std::size_t n = p.n(), d = p.d();
  int least = 5000;
  for (const double x : exact.gridded) {
    if (x != 0) least = std::min(least, oracle::dyadic(x).exponent);
  }
  std::vector<oracle::Int> gram(d * d, oracle::Int(0));
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t a = 0; a < d; ++a) {
      for (std::size_t b = 0; b < d; ++b) {
        const auto whole = [&](std::size_t c) {
          const oracle::Dyadic x = oracle::dyadic(exact.gridded[r * d + c]);
          return x.mantissa == 0 ? oracle::Int(0)
                                 : oracle::Int(oracle::Int(x.mantissa) << (x.exponent - least));
        };
        gram[a * d + b] += whole(a) * whole(b);
      }
    }
  }
  if (oracle::column_basis(gram, d).size() < d) return 0;
  std::vector<oracle::Int> adjugate = gram;
  const oracle::Int determinant = oracle::invert(adjugate, d);
  oracle::Int greatest = 0, inverse = 0;
  for (std::size_t i = 0; i < d; ++i) {
    greatest = std::max(greatest, gram[i * d + i]);
    inverse = std::max(inverse, adjugate[i * d + i]);
  }
  const oracle::Int square = greatest * inverse / determinant;
  const int drop = std::max(0, static_cast<int>(msb(square)) - 60) / 2 * 2;  // even: halved by the root
  const auto head = static_cast<double>(static_cast<std::int64_t>(oracle::Int(square >> drop)));
  return std::ldexp(std::sqrt(head), drop / 2);
}

/// Either this problem's condition number is 1e12, or another is drawn: few integers are singular.
template <Problem (*draw)(Random&)>
Problem of_condition(Random& random) {
  for (;;) {
    Problem p = draw(random);
    if (condition(p, agreement::Exact(p)) >= 1e12) return p;
  }
}

Problem decades_by_blocks(Random& random) {
  const std::size_t d = 1 + random.below(4), n = 64;
  const heavykeys::Spec spec = support::make_spec(d, std::ldexp(1.0, -random.integer(1, 6)), 24, 16);
  Matrix m = random.coin() ? support::gaussian({n, d}, random) : small_integers(n, d, random);
  const int spread = random.integer(210, d < 3 ? 900 : 300);
  for (std::size_t r = 0; r < n; ++r) {
    const int scale = r < 16 ? spread / 2 : r >= 48 ? -spread / 2 : random.integer(-spread / 2, spread / 2);
    for (std::size_t c = 0; c < d; ++c) m(r, c) = std::ldexp(m(r, c), scale / 16 * 16);
  }
  m(0, 0) = std::ldexp(1.0, spread / 2 + 1);
  m(50, 0) = std::ldexp(1.0, -spread / 2);
  return problem("decades_blocks", m, spec);
}

Problem decades_by_columns(Random& random) {
  const std::size_t d = 2 + random.below(4), n = 1 + random.below(60);
  Matrix m = support::gaussian({n, d}, random);
  for (std::size_t c = 0; c < d; ++c) {
    const int scale = c == 0 ? 110 : c == 1 ? -110 : random.integer(-400, 400);
    for (std::size_t r = 0; r < n; ++r) m(r, c) = std::ldexp(m(r, c), scale);
  }
  m(0, 0) = 0x1p111;
  m(0, 1) = 0x1p-110;
  return problem("decades_columns", m, any_spec(d, random));
}

/// All sizes in every block: beside the greatest of a column most are nothing on the grid.
Problem decades_within_blocks(Random& random) {
  const std::size_t d = 1 + random.below(5), n = 2 + random.below(60);
  Matrix m = support::gaussian({n, d}, random);
  const int spread = random.integer(110, 500);
  for (double& x : m.values) x = std::ldexp(x, random.integer(-spread, spread));
  m(0, 0) = std::ldexp(random.sign(), spread);
  m(n - 1, d - 1) = std::ldexp(random.sign(), -spread);
  return problem("decades_within", m, any_spec(d, random));
}

/// Of elements that are not 0.
double decades_of(const std::vector<double>& values) {
  double least = HUGE_VAL, most = 0;
  for (const double x : values) {
    if (x == 0) continue;
    least = std::min(least, std::abs(x));
    most = std::max(most, std::abs(x));
  }
  return std::log10(most) - std::log10(least);
}

double decades(const Problem&, const agreement::Exact& exact) { return decades_of(exact.gridded); }

double decades_given(const Problem& p, const agreement::Exact&) { return decades_of(p.keys.values().values); }

}  // namespace

std::vector<Demand> conditions() {
  return {{"condition_integers", of_condition<whole_and_skewed>, condition, 1e12, "condition number"},
          {"condition_columns", of_condition<scaled_columns>, condition, 1e12, "condition number"},
          {"condition_blocks", of_condition<tiny_blocks>, condition, 1e12, "condition number"},
          {"decades_blocks", decades_by_blocks, decades, 60, "decades on the grid"},
          {"decades_columns", decades_by_columns, decades, 60, "decades on the grid"},
          {"decades_within", decades_within_blocks, decades_given, 60, "decades before the grid"}};
}

}  // namespace stress
