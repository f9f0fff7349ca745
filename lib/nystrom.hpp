// Eigenvectors of a covariance from its products with random vectors.
#pragma once

#include <cstddef>
#include <vector>

#include "lib/sign_vectors.hpp"

namespace heavykeys::detail {

struct LeadingEigen {
  std::vector<double> values;   ///< [t], descending, positive
  std::vector<double> vectors;  ///< [t, p] row-major, orthonormal
};

/// The eigenpairs of Y (S^T Y)^+ Y^T, Y = C S [p, r] given by columns [r, p], S the sign vectors: the Nystrom
/// approximation of C, at most C in the order of semidefinite matrices, and C where C has rank <= r (for
/// almost all S). What lies below 2^-36 of the greatest eigenvalue of S^T C S counts as rounding. Y is
/// overwritten. Cost: O(p r^2).
LeadingEigen nystrom_eigen(const SignVectors& signs, std::vector<double>& y);

}  // namespace heavykeys::detail
