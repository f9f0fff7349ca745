// Leverages that are epsilon exactly once the keys are on the grid, and those one unit of a key, or one unit
// in the last place of epsilon, away on either side.
#include <algorithm>
#include <cmath>

#include "stress/demands.hpp"

namespace stress {
namespace {

using support::Matrix;
using support::Problem;
using support::Random;

/// Whole numbers along one line whose first has the leverage p / q: x^2 (q / p - 1) as a sum of four squares.
std::vector<double> line(int p, int q, Random& random) {
  const int x = p * random.integer(1, 4);
  int rest = x * x / p * q - x * x;
  std::vector<double> out{static_cast<double>(x)};
  while (rest > 0) {  // as many squares as it takes, each at random
    const int most = static_cast<int>(std::sqrt(static_cast<double>(rest)));
    const int y = out.size() < 40 ? random.integer(std::max(1, most / 3), most) : most;
    out.push_back(y * random.sign());
    rest -= y * y;
  }
  return out;
}

/// c numbers of 23 bits, all the same: each has the leverage 1 / c.
std::vector<double> copies(int c, Random& random) {
  const double x = 0x1p22 + random.integer(1, 1 << 20);
  return std::vector<double>(static_cast<std::size_t>(c), x);
}

/// A line in each column.
Matrix block_diagonal(const std::vector<std::vector<double>>& lines) {
  std::size_t n = 0, at = 0;
  for (const auto& l : lines) n += l.size();
  Matrix m(n, lines.size());
  for (std::size_t c = 0; c < lines.size(); ++c) {
    for (const double x : lines[c]) m(at++, c) = x;
  }
  return m;
}

/// Moves elements by less than half a unit of the grid, which takes it away again.
void blur(Matrix& m, const heavykeys::Spec& spec, Random& random) {
  for (std::size_t begin = 0; begin < m.rows; begin += spec.block_rows) {
    const std::size_t end = std::min(m.rows, begin + spec.block_rows);
    for (std::size_t c = 0; c < m.cols; ++c) {
      double most = 0;
      for (std::size_t r = begin; r < end; ++r) most = std::max(most, std::abs(m(r, c)));
      int e = 0;
      std::frexp(most, &e);
      const double unit = std::ldexp(1.0, e - spec.grid_bits);
      for (std::size_t r = begin; r < end; ++r) {  // the greatest decides e
        if (most != 0 && std::abs(m(r, c)) < most) m(r, c) += random.sign() * unit * random.uniform() * 0.49;
      }
    }
  }
}

Problem finished(const std::string& name, Matrix m, const heavykeys::Spec& spec, bool mixed, Random& random) {
  if (mixed) m = product(m, support::unimodular(m.cols, static_cast<int>(m.cols), random));
  m = support::shuffled(m, random);
  if (random.coin()) {
    blur(m, spec, random);
    return problem(name, m, spec);
  }
  return problem(name, m, spec, random.coin() ? heavykeys::Dtype::f32 : heavykeys::Dtype::f64);
}

heavykeys::Spec spec_of(std::size_t d, double epsilon, Random& random) {
  return support::make_spec(d, epsilon, 24, random.coin() ? 16 : 64);
}

struct Ratio {
  int p, q;
};

Ratio ratio(Random& random) {
  static const std::vector<Ratio> all = {{1, 2}, {1, 4}, {3, 4},  {1, 8},  {3, 8},
                                         {5, 8}, {7, 8}, {3, 16}, {5, 16}, {1, 32}};
  return random.pick(all);
}

Problem exact(Random& random) {
  const Ratio r = ratio(random);
  std::vector<std::vector<double>> lines;
  for (std::size_t d = 1 + random.below(4); d > 0; --d) lines.push_back(line(r.p, r.q, random));
  const auto spec = spec_of(lines.size(), static_cast<double>(r.p) / r.q, random);
  return finished("ties_exact", block_diagonal(lines), spec, true, random);
}

/// One of c copies is one unit of the grid larger, or smaller: the others are then just below 1 / c, or
/// above.
Problem one_unit(Random& random) {
  const int c = 1 << random.integer(1, 4);
  std::vector<std::vector<double>> lines;
  for (std::size_t d = 2 + random.below(3); d > 0; --d) {
    lines.push_back(copies(c, random));
    lines.back()[0] += lines.size() % 2 == 1 ? 1 : -1;
    for (double& x : lines.back()) x *= random.sign();
  }
  const auto spec = spec_of(lines.size(), 1.0 / c, random);
  return finished("ties_one_unit", block_diagonal(lines), spec, false, random);
}

/// Exact ties, asked with the next double above the leverage, or below it.
Problem one_ulp(Random& random) {
  Problem p = exact(random);
  p.spec.epsilon = std::nextafter(p.spec.epsilon, random.coin() ? 0.0 : 1.0);
  return {"ties_one_ulp", p.spec, p.keys};
}

double ties(const Problem& p, const agreement::Exact& exact) {
  double count = 0;
  for (std::size_t j = 0; j < p.n(); ++j) count += compare(exact.problem.leverage(j), p.spec.epsilon) == 0;
  return count;
}

/// Keys within 2^-20 of epsilon, relative, and not at it: on the side that has fewer, or both.
double near(const Problem& p, const agreement::Exact& exact, bool either) {
  double above = 0, below = 0;
  for (std::size_t j = 0; j < p.n(); ++j) {
    const auto& tau = exact.problem.leverage(j);
    const double e = p.spec.epsilon;
    above += compare(tau, e) > 0 && compare(tau, e * (1 + 0x1p-20)) < 0;
    below += compare(tau, e) < 0 && compare(tau, e * (1 - 0x1p-20)) > 0;
  }
  return either ? above + below : std::min(above, below);
}

}  // namespace

std::vector<Demand> exact_ties() {
  return {
      {"ties_exact", exact, ties, 1, "leverages that are epsilon"},
      {"ties_one_unit", one_unit,
       [](const Problem& p, const agreement::Exact& e) { return near(p, e, false); }, 1,
       "leverages beside epsilon, of the side that has fewer"},
      {"ties_one_ulp", one_ulp, [](const Problem& p, const agreement::Exact& e) { return near(p, e, true); },
       1, "leverages one ulp from epsilon"}};
}

}  // namespace stress
