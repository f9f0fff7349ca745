// The adversarial families of keys: every test that draws random problems draws from all of them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "support/matrix.hpp"
#include "support/random.hpp"

namespace support {

/// What a family is asked for. It may return fewer rows than n, never another dim.
struct Request {
  std::size_t n = 1;
  std::size_t d = 1;
  double epsilon = 0.25;        ///< tie families make leverages of exactly, or nearly, this
  int grid_bits = 24;           ///< exact families stay within so many bits, so that the grid keeps them
  std::size_t block_rows = 16;  ///< families that vary the scale do it by blocks
};

using Family = Matrix (*)(const Request&, Random&);

struct NamedFamily {
  std::string name;
  Family make;
};

const std::vector<NamedFamily>& families();

/// A random unimodular integer matrix [d, d] with small entries: a change of basis that keeps leverages.
Matrix unimodular(std::size_t d, int steps, Random& random);
Matrix product(const Matrix& a, const Matrix& b);
Matrix shuffled(const Matrix& m, Random& random);
Matrix gaussian(const Request&, Random&);

/// ties.cpp: families in which leverages are, or nearly are, exactly 1/c.
Matrix one_hot_ties(const Request&, Random&);
Matrix rotated_ties(const Request&, Random&);
Matrix near_ties(const Request&, Random&);
Matrix hair_ties(const Request&, Random&);
Matrix pythagorean(const Request&, Random&);
Matrix epsilon_is_a_sum(const Request&, Random&);

}  // namespace support
