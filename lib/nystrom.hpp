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
/// approximation of C, at most C in the order of semidefinite matrices, and C where S is
/// injective on its range (docs/theory.md, T11). What lies below 2^-36 of the greatest eigenvalue of S^T C S,
/// or more where images have a mean that is greater than their deviation, in this proportion, counts as
/// rounding: images are rounded by 2^-41 of their size. `mean_square`: of the images' means. Y is
/// overwritten. Cost: O(p r^2).
LeadingEigen nystrom_eigen(const SignVectors& signs, double mean_square, std::vector<double>& y);

}  // namespace heavykeys::detail
