// Leverages that are exactly 1/c, or differ from it by less than any floating-point format shows.
#include <algorithm>
#include <cmath>

#include "support/families.hpp"

namespace support {
namespace {

// How often each direction appears, so that tau = 1/c is nearest epsilon.
std::size_t copies(const Request& request) {
  return static_cast<std::size_t>(std::lround(1.0 / std::max(request.epsilon, 0.01)));
}

// One direction after the other, c times each, until n rows (at least one direction).
template <class Value>
Matrix stacked(const Request& request, std::size_t c, Value value) {
  const std::size_t directions = std::clamp<std::size_t>(request.n / c, 1, request.d);
  Matrix m(directions * c, request.d);
  for (std::size_t a = 0; a < directions; ++a) {
    for (std::size_t i = 0; i < c; ++i) m(a * c + i, a) = value(a, i);
  }
  return m;
}

}  // namespace

Matrix unimodular(std::size_t d, int steps, Random& random) {
  Matrix m(d, d);
  for (std::size_t i = 0; i < d; ++i) m(i, i) = random.sign();
  for (int s = 0; s < steps && d > 1; ++s) {
    const std::size_t a = random.below(d), b = (a + 1 + random.below(d - 1)) % d;
    const double factor = random.sign();
    for (std::size_t c = 0; c < d; ++c) m(a, c) += factor * m(b, c);
  }
  return m;
}

Matrix one_hot_ties(const Request& request, Random& random) {
  return shuffled(stacked(request, copies(request), [&](std::size_t, std::size_t) { return random.sign(); }),
                  random);
}

// The same ties in a basis where no leverage shows: the Gram matrix is dense and badly conditioned.
Matrix rotated_ties(const Request& request, Random& random) {
  const Matrix basis = unimodular(request.d, static_cast<int>(2 * request.d), random);
  return product(one_hot_ties(request, random), basis);
}

// x, x+1, x-1, x, ...: tau differs from 1/c by about 1/x^2.
Matrix near_ties(const Request& request, Random& random) {
  const double x = std::ldexp(1.0, request.grid_bits - 1) + random.integer(1, 100);
  const std::size_t c = std::max<std::size_t>(copies(request), 2);
  Matrix m = stacked(request, c, [&](std::size_t, std::size_t i) {
    if (i + 1 == c && c % 2 == 1) return x;
    return i % 2 == 0 ? x + 1 : x - 1;
  });
  if (random.coin()) {
    for (std::size_t r = 0; r < m.rows; r += c) m(r, r / c) = m(r + 1, r / c) = x;
  }
  return shuffled(m, random);
}

// Exact ties, and one far smaller row in a block of its own that breaks them: below 1/c by down to 2^-400.
Matrix hair_ties(const Request& request, Random& random) {
  const Matrix basis = unimodular(request.d, random.integer(0, static_cast<int>(2 * request.d)), random);
  const Matrix ties = product(one_hot_ties(request, random), basis);
  const std::size_t full = (ties.rows + request.block_rows - 1) / request.block_rows * request.block_rows;
  Matrix m(full + 1, request.d);
  std::copy(ties.values.begin(), ties.values.end(), m.values.begin());
  const double hair = std::ldexp(1.0, -random.integer(20, 200));
  const std::size_t direction = random.below(request.d);
  for (std::size_t c = 0; c < request.d; ++c) m(full, c) = hair * basis(direction, c);
  return m;
}

// 9/25 and 16/25, 25/169 and 144/169: exact rational leverages other than 1/c.
Matrix pythagorean(const Request& request, Random& random) {
  static const std::vector<std::vector<double>> triples = {
      {3, 4}, {5, 12}, {2, 3, 6}, {1, 4, 8}, {1, 1, 1, 1}};
  Matrix m(0, request.d);
  for (std::size_t a = 0; a < request.d; ++a) {
    for (double x : random.pick(triples)) {
      m.values.resize((m.rows + 1) * m.cols, 0.0);
      m(m.rows++, a) = random.sign() * x;
    }
  }
  return product(shuffled(m, random), unimodular(request.d, static_cast<int>(request.d), random));
}

// One key against many: x^2 / (x^2 + rest) with whole numbers chosen so that it is epsilon, or one off.
Matrix epsilon_is_a_sum(const Request& request, Random& random) {
  const auto c = static_cast<double>(copies(request));
  const double x = std::ldexp(1.0, random.integer(0, 3));
  // x^2 (c - 1) = the sum of the others' squares, made of ones
  const auto others =
      static_cast<std::size_t>(x * x * (c - 1)) + static_cast<std::size_t>(random.integer(0, 1));
  Matrix m(1 + std::min(others, std::max(request.n, std::size_t{32})), request.d);
  m(0, 0) = x;
  for (std::size_t r = 1; r < m.rows; ++r) m(r, 0) = random.sign();
  return product(shuffled(m, random), unimodular(request.d, static_cast<int>(2 * request.d), random));
}

}  // namespace support
