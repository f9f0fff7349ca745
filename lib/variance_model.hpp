// Principal components as a model of variance: C = F^T F + D, F [r, p] the components times their standard
// deviations, D diagonal, what they leave of each element's variance. In units of a power of two, the
// greatest variance being in [1, 2): what follows from the model has no scale, and no product of variances
// leaves float64.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <vector>

#include "heavykeys/eigen_analysis.hpp"

namespace heavykeys::detail {

using DenseMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

inline Eigen::Index index(std::size_t i) { return static_cast<Eigen::Index>(i); }

struct VarianceModel {
  int exponent = 0;                          ///< the unit of variance is 2^exponent; the same whatever `used`
  Eigen::Map<const DenseMatrix> components;  ///< [r, p]
  Eigen::VectorXd deviations;                ///< [r]
  Eigen::VectorXd noise;                     ///< [p], the diagonal of D, >= 0
  Eigen::VectorXd variance;                  ///< [p], the diagonal of C

  /// Of the first `used` components. Throws InvalidInput for parts that do not fit together or are not
  /// finite.
  VarianceModel(const PrincipalComponents& from, std::size_t used);

  std::size_t dim() const { return static_cast<std::size_t>(components.cols()); }
  std::size_t size() const { return static_cast<std::size_t>(components.rows()); }
  /// Columns `elements` of F: [r, count].
  DenseMatrix factor(const std::vector<std::size_t>& elements) const;
  /// A variance as it was given.
  double unscaled(double v) const;
  double noise_of(std::size_t element) const { return noise[index(element)]; }
};

}  // namespace heavykeys::detail
