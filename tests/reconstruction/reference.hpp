// Models of variance to estimate from, and what the estimate is by its formula, dense and in long double.
// Shares no code with lib/.
#pragma once

#include <string>
#include <vector>

#include "heavykeys/reconstruction.hpp"
#include "support/matrix.hpp"
#include "support/random.hpp"

namespace reconstruction {

using Real = long double;
using Matrix = std::vector<std::vector<Real>>;

/// `size` orthonormal components of p elements, variances falling by `decay`; `noise` > 0: elements vary by
/// so much, and up to twice, beyond them.
heavykeys::PrincipalComponents model(std::size_t p, std::size_t size, double decay, double noise,
                                     support::Random& random);

/// The principal components of samples, all of them, by the eigenvectors of their covariance.
heavykeys::PrincipalComponents components_of(const support::Matrix& samples);

/// Gaussian samples [count, p] of the model.
support::Matrix draw(const heavykeys::PrincipalComponents& of, std::size_t count, support::Random& random);

/// C of the first `used` components.
Matrix covariance(const heavykeys::PrincipalComponents& of, std::size_t used);

/// A^-1 B for a positive definite A.
Matrix solve(Matrix a, Matrix b);

/// The gain [p, s] of the estimate x^ - mean = gain (x_S - mean_S) with the options' ridge: rows of elements
/// that are computed are those of the identity.
Matrix gain(const heavykeys::PrincipalComponents& of, const std::vector<std::size_t>& elements,
            const heavykeys::ReconstructorOptions& options);

/// The same of a reconstructor, from what it makes of the mean and of one element moved.
Matrix gain(const heavykeys::Reconstructor& reconstructor);

/// E |x - x^|^2 / E |x - mean|^2 for this gain.
Real expected_error(const heavykeys::PrincipalComponents& of, const std::vector<std::size_t>& elements,
                    const Matrix& gain);

/// Greedy choice, each step by the Schur complement of what was chosen, formed anew.
std::vector<std::size_t> greedy(const heavykeys::PrincipalComponents& of, std::size_t count);

/// Greatest |a - b|.
Real distance(const Matrix& a, const Matrix& b);

std::vector<std::size_t> elements_of(const heavykeys::Reconstructor& reconstructor);

/// Columns `elements` of every row.
support::Matrix columns(const support::Matrix& samples, const std::vector<std::size_t>& elements);

inline heavykeys::Rows rows_of(const support::Matrix& m) {
  return heavykeys::rows(m.values.data(), m.rows, m.cols);
}

}  // namespace reconstruction
