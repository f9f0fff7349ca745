// Samples for the tests of covariances: families that reach every path.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "heavykeys/rows.hpp"
#include "support/matrix.hpp"
#include "support/random.hpp"

namespace samples {

using support::Matrix;
using support::Random;

inline heavykeys::Rows rows_of(const Matrix& m) { return heavykeys::rows(m.values.data(), m.rows, m.cols); }

/// Gaussian of covariance that decays, about a mean.
inline Matrix decaying(std::size_t n, std::size_t p, Random& random) {
  Matrix mix(p, p), out(n, p);
  for (std::size_t i = 0; i < p; ++i) {
    for (std::size_t j = 0; j < p; ++j)
      mix(i, j) = random.gaussian() * std::exp2(-static_cast<double>(i) / 4);
  }
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t i = 0; i < p; ++i) {
      const double g = random.gaussian();
      for (std::size_t j = 0; j < p; ++j) out(r, j) += g * mix(i, j);
    }
    for (std::size_t j = 0; j < p; ++j) out(r, j) += 3.0 + static_cast<double>(j % 5);
  }
  return out;
}

/// In a space of `rank` dimensions (beside the mean).
inline Matrix of_rank(std::size_t n, std::size_t p, std::size_t rank, Random& random) {
  Matrix mix(rank, p), out(n, p);
  for (double& x : mix.values) x = random.gaussian();
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t j = 0; j < p; ++j) out(r, j) = 1.0;
    for (std::size_t i = 0; i < rank; ++i) {
      const double g = random.gaussian() * static_cast<double>(rank - i);
      for (std::size_t j = 0; j < p; ++j) out(r, j) += g * mix(i, j);
    }
  }
  return out;
}

/// Samples of very different sizes, some of them 0 throughout, with subnormal and huge elements.
inline Matrix wild(std::size_t n, std::size_t p, Random& random) {
  Matrix out(n, p);
  for (std::size_t r = 0; r < n; ++r) {
    const int e = random.integer(-60, 60);
    const auto kind = random.below(8);
    for (std::size_t j = 0; j < p; ++j) {
      const double x = std::ldexp(random.gaussian(), e);
      out(r, j) = kind == 0   ? 0.0
                  : kind == 1 ? std::ldexp(random.gaussian(), -1070)
                  : kind == 2 ? std::floor(x)
                              : x;
    }
  }
  return out;
}

}  // namespace samples
