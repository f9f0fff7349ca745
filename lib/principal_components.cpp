// Principal components of a covariance, kept whole or as a sketch; and how spaces of them overlap.
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "heavykeys/eigen_analysis.hpp"
#include "heavykeys/error.hpp"
#include "lib/components_check.hpp"
#include "lib/covariance_moments.hpp"
#include "lib/float_environment.hpp"
#include "lib/nystrom.hpp"
#include "lib/symmetric_eigen.hpp"

namespace heavykeys {

namespace {

using detail::LeadingEigen;

LeadingEigen leading_eigen(const Covariance& covariance, const detail::Moments& moments) {
  const detail::CovarianceState& state = detail::CovarianceAccess::state(covariance);
  const std::size_t p = state.spec.dim;
  if (!state.is_sketch()) {
    detail::SymmetricEigen all = detail::symmetric_eigen(covariance_matrix(covariance), p);
    return {std::move(all.values), std::move(all.vectors)};
  }
  std::vector<double> products(p * state.spec.sketch_columns);
  for (std::size_t j = 0; j < state.spec.sketch_columns; ++j) moments.column(j, products.data() + j * p);
  return detail::nystrom_eigen(state.signs(), moments.image_mean_square(), products);
}

/// Eigenvectors are given up to their sign.
void fix_sign(double* vector, std::size_t size) {
  std::size_t top = 0;
  for (std::size_t i = 1; i < size; ++i) {
    if (std::abs(vector[i]) > std::abs(vector[top])) top = i;
  }
  if (vector[top] >= 0.0) return;
  for (std::size_t i = 0; i < size; ++i) vector[i] = -vector[i];
}

/// [r, t]: the products of the first r components of a with the first t of b.
Eigen::MatrixXd cosines(const PrincipalComponents& a, std::size_t r, const PrincipalComponents& b,
                        std::size_t t) {
  using Columns = Eigen::Map<const Eigen::MatrixXd>;  // of p elements, a component each
  const auto dim = static_cast<Eigen::Index>(a.dim);
  return Columns(a.components.data(), dim, static_cast<Eigen::Index>(r)).transpose() *
         Columns(b.components.data(), dim, static_cast<Eigen::Index>(t));
}

void check(const PrincipalComponents& a, const PrincipalComponents& b) {
  detail::check(a);
  detail::check(b);
  if (a.dim == b.dim) return;
  throw Incompatible("components of " + std::to_string(a.dim) + " elements and of " + std::to_string(b.dim));
}

void check_size(const PrincipalComponents& a, std::size_t r) {
  if (r >= 1 && r <= a.size()) return;
  throw InvalidInput("the first " + std::to_string(r) + " of " + std::to_string(a.size()) + " components");
}

}  // namespace

PrincipalComponents principal_components(const Covariance& covariance, std::size_t most) {
  const detail::FloatEnvironment ieee;
  const detail::Moments moments(detail::CovarianceAccess::state(covariance));
  PrincipalComponents out;
  out.dim = covariance.spec().dim;
  out.samples = covariance.sample_count();
  out.mean = moments.means();
  out.element_variances = moments.variances();
  out.total_variance = std::accumulate(out.element_variances.begin(), out.element_variances.end(), 0.0);
  LeadingEigen eigen = leading_eigen(covariance, moments);
  const std::size_t size = most == 0 ? eigen.values.size() : std::min(most, eigen.values.size());
  eigen.values.resize(size);
  eigen.vectors.resize(size * out.dim);
  out.variances = std::move(eigen.values);
  out.components = std::move(eigen.vectors);
  for (double& v : out.variances) v = std::max(v, 0.0);  // a negative one is rounding
  for (std::size_t i = 0; i < size; ++i) fix_sign(out.components.data() + i * out.dim, out.dim);
  return out;
}

std::vector<double> explained_variance(const PrincipalComponents& components) {
  std::vector<double> share(components.size(), 1.0);
  if (components.total_variance <= 0.0) return share;
  double sum = 0.0;
  for (std::size_t i = 0; i < share.size(); ++i) {
    sum += components.variances[i];
    share[i] = std::min(1.0, sum / components.total_variance);
  }
  return share;
}

std::size_t components_for(const PrincipalComponents& components, double share) {
  if (!(share > 0.0 && share <= 1.0)) {
    throw InvalidInput("a share of " + std::to_string(share) + " of the variance; it must be in 0 .. 1");
  }
  if (components.total_variance <= 0.0) return 1;
  // All components of a full set hold all of it, whatever rounding says.
  constexpr double kRounding = 1e-12;
  const std::vector<double> shares = explained_variance(components);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (shares[i] >= share - kRounding) return i + 1;
  }
  return 0;
}

double overlap(const PrincipalComponents& a, const PrincipalComponents& b, std::size_t r) {
  const detail::FloatEnvironment ieee;
  check(a, b);
  check_size(a, r);
  check_size(b, r);
  const double sum = cosines(a, r, b, r).squaredNorm();
  return std::min(1.0, sum / static_cast<double>(r));
}

double captured_variance(const PrincipalComponents& basis, std::size_t r, const PrincipalComponents& of) {
  const detail::FloatEnvironment ieee;
  check(basis, of);
  check_size(basis, r);
  if (of.total_variance <= 0.0) return 1.0;
  const Eigen::Map<const Eigen::VectorXd> variances(of.variances.data(),
                                                    static_cast<Eigen::Index>(of.size()));
  const double sum = (cosines(basis, r, of, of.size()).cwiseAbs2() * variances).sum();
  return std::min(1.0, sum / of.total_variance);
}

}  // namespace heavykeys
