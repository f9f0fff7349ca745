// Eigenvalues and eigenvectors of symmetric matrices; the one place that calls Eigen for them.
#pragma once

#include <cstddef>
#include <vector>

namespace heavykeys::detail {

struct SymmetricEigen {
  std::vector<double> values;   ///< [n], descending
  std::vector<double> vectors;  ///< [n, n] row-major: row i belongs to values[i]; orthonormal
};

/// Of a [n, n], symmetric; one triangle is read. Householder tridiagonalisation and implicit QR:
/// |values - truth| <= O(n) 2^-53 |a|. Cost: O(n^3). Throws BackendError when it does not converge (a NaN).
SymmetricEigen symmetric_eigen(const std::vector<double>& a, std::size_t n);

}  // namespace heavykeys::detail
