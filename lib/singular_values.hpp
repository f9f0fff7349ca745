// Singular values and vectors of dense matrices; the one place that calls Eigen for them.
#pragma once

#include <cstddef>
#include <vector>

namespace heavykeys::detail {

struct SingularValues {
  std::vector<double> values;  ///< [m], m = min(rows, columns), descending
  std::vector<double> left;    ///< [rows, m] row-major, orthonormal columns
  std::vector<double> right;   ///< [columns, m]
};

/// Of a [rows, columns] row-major: a = left diag(values) right^T up to O(m) 2^-53 |a|. Divide and conquer;
/// cost: O(rows columns m). Throws BackendError when it does not converge (a NaN).
SingularValues singular_values(const std::vector<double>& a, std::size_t rows, std::size_t columns);

}  // namespace heavykeys::detail
