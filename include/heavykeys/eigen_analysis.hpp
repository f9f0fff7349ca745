// Eigen analysis of attention scores: in which few directions do score matrices vary? After Bhojanapalli,
// Chakrabarti, Jain, Kumar, Lukasik, Veit, "Eigen Analysis of Self-Attention and its Reconstruction from
// Partial Computation" (arXiv 2106.08823).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "heavykeys/covariance.hpp"

namespace heavykeys {
#pragma GCC visibility push(default)

/// Principal components of samples with p elements: the covariance is about
/// sum_i variances[i] e_i e_i^T, e_i being row i of `components`.
struct PrincipalComponents {
  std::size_t dim = 0;                    ///< p
  std::uint64_t samples = 0;              ///< N
  double total_variance = 0.0;            ///< trace of the covariance: of all components, kept here or not
  std::vector<double> mean;               ///< [p]
  std::vector<double> element_variances;  ///< [p], the diagonal of the covariance
  std::vector<double> variances;          ///< [r], descending, >= 0: the eigenvalues
  std::vector<double> components;  ///< [r, p] row-major, orthonormal; of each, the first element of greatest
                                   ///< magnitude is positive

  std::size_t size() const { return variances.size(); }  ///< r
};

/// The components of greatest variance, at most `most` of them (0: all there are; of a sketch at most
/// sketch_columns). Variances are those of the samples about their mean, divided by N.
///
/// Accuracy: of a whole covariance that of its elements (covariance.hpp) and O(p) 2^-53 of the greatest
/// variance. Of a sketch of r columns: each variance is at most the true one (the Nystrom approximation is
/// below the covariance), so explained shares are lower bounds and component counts upper bounds, up to
/// rounding: about 1e-9 of the greatest variance where samples are about as large as they vary, more where
/// their mean is far greater. Equal to the true ones where the centred samples span some tens fewer
/// dimensions than r (for almost all seeds; docs/theory.md, T11); for variances that decay, what is missing
/// is about what lies beyond r. Cost: O(p^3), of a
/// sketch O(p r^2). Throws InvalidInput without samples.
PrincipalComponents principal_components(const Covariance& covariance, std::size_t most = 0);

/// [r]: the share of the total variance that the first i + 1 components hold. 1 where there is no variance.
std::vector<double> explained_variance(const PrincipalComponents& components);

/// The least number of components that hold `share` of the total variance, in 0 < share <= 1; 0 when those
/// kept do not, 1 when there is no variance.
std::size_t components_for(const PrincipalComponents& components, double share);

/// The overlap of the spaces of the first r components of a and b: |E_a E_b^T|_F^2 / r, in 0 .. 1; 1 when
/// they are the same space, about r / p for unrelated ones. Throws InvalidInput unless 1 <= r <= both sizes,
/// Incompatible when dims differ.
double overlap(const PrincipalComponents& a, const PrincipalComponents& b, std::size_t r);

/// The share of `of`'s total variance that the first r components of `basis` capture: sum_i e_i^T C e_i /
/// trace C. For `of` with components left out, a lower bound. Throws as overlap.
double captured_variance(const PrincipalComponents& basis, std::size_t r, const PrincipalComponents& of);

#pragma GCC visibility pop

}  // namespace heavykeys
