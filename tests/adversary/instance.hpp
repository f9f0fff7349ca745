// One case as the search sees it: gridded keys, those outside U first, columns scaled alike.
#pragma once

#include <cstddef>
#include <vector>

#include "tests/adversary/dense.hpp"
#include "tests/adversary/shape.hpp"

namespace adversary {

struct Instance {
  Shape shape;
  double epsilon = 0.1;
  std::size_t n = 0, d = 0;
  std::vector<double> gridded;        ///< [n, d], rows in the order of their ids
  std::vector<std::size_t> order;     ///< [n]: id of row i of `rows`
  std::size_t outside = 0;            ///< rows 0 .. outside are not in U
  std::vector<int> column_exponents;  ///< [d]: rows hold gridded * 2^-e
  std::vector<double> rows, columns;  ///< [n, d] and [d, n]

  const double* row(std::size_t i) const { return rows.data() + i * d; }

  /// The query of the gridded keys that has the products which `q` has with `rows`.
  std::vector<double> original(const std::vector<double>& q) const;
};

/// `members`: ids of U, ascending.
Instance make_instance(const Shape& shape, double epsilon, const std::vector<double>& gridded, std::size_t d,
                       const std::vector<std::size_t>& members);

}  // namespace adversary
