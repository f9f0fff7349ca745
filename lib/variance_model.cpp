#include "lib/variance_model.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/text.hpp"

namespace heavykeys::detail {

namespace {

void require_length(const char* name, std::size_t has, std::size_t needs) {
  if (has == needs) return;
  throw InvalidInput(std::string("components: ") + name + " has " + std::to_string(has) + " numbers; " +
                     std::to_string(needs) + " are needed");
}

void require_finite(const char* name, const std::vector<double>& values, double least) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i]) && values[i] >= least) continue;
    throw InvalidInput(std::string("components: ") + name + "[" + std::to_string(i) + "] is " +
                       shortest(values[i]));
  }
}

void check(const PrincipalComponents& c) {
  if (c.dim == 0) throw InvalidInput("components: of samples without elements");
  require_length("mean", c.mean.size(), c.dim);
  require_length("element_variances", c.element_variances.size(), c.dim);
  if (c.size() > c.dim) {
    throw InvalidInput("components: " + std::to_string(c.size()) + " of samples with " +
                       std::to_string(c.dim) + " elements");
  }
  require_length("components", c.components.size(), c.size() * c.dim);
  constexpr double lowest = -std::numeric_limits<double>::max();
  require_finite("mean", c.mean, lowest);
  require_finite("element_variances", c.element_variances, 0.0);
  require_finite("variances", c.variances, 0.0);
  require_finite("components", c.components, lowest);
  if (!std::is_sorted(c.variances.rbegin(), c.variances.rend())) {
    throw InvalidInput("components: variances are not descending");
  }
}

const PrincipalComponents& checked(const PrincipalComponents& c) {
  check(c);
  return c;
}

/// Of the greatest variance given. Variances that all grow by 2^k change it by k, so that nothing else
/// changes.
int exponent_of(const PrincipalComponents& c) {
  double most = *std::max_element(c.element_variances.begin(), c.element_variances.end());
  if (c.size() > 0) most = std::max(most, c.variances.front());
  return most > 0.0 ? std::ilogb(most) : 0;
}

Eigen::VectorXd scaled(const double* values, Eigen::Index count, int exponent) {
  Eigen::VectorXd out(count);
  for (Eigen::Index i = 0; i < count; ++i) out[i] = std::ldexp(values[i], -exponent);
  return out;
}

}  // namespace

VarianceModel::VarianceModel(const PrincipalComponents& from, std::size_t used)
    : exponent(exponent_of(checked(from))),
      components(from.components.data(), index(std::min(used, from.size())), index(from.dim)) {
  const Eigen::VectorXd variances = scaled(from.variances.data(), components.rows(), exponent);
  const Eigen::VectorXd whole = scaled(from.element_variances.data(), components.cols(), exponent);
  deviations = variances.cwiseSqrt();
  Eigen::VectorXd low = Eigen::VectorXd::Zero(components.cols());
  for (Eigen::Index i = 0; i < components.rows(); ++i) {
    low += variances[i] * components.row(i).cwiseAbs2().transpose();
  }
  noise = (whole - low).cwiseMax(0.0);
  variance = low + noise;
  const double total = unscaled(variance.sum());
  if (total != 0.0 && !(total >= 0x1p-900 && total <= 0x1p900)) {
    throw InvalidInput("components: the variances of the elements add up to " + shortest(total) +
                       "; float64 has room for 0 and for 2^-900 .. 2^900");
  }
}

double VarianceModel::unscaled(double v) const { return std::ldexp(v, exponent); }

DenseMatrix VarianceModel::factor(const std::vector<std::size_t>& elements) const {
  DenseMatrix f(components.rows(), index(elements.size()));
  for (Eigen::Index i = 0; i < f.rows(); ++i) {
    const double* row = components.data() + i * components.cols();
    for (Eigen::Index k = 0; k < f.cols(); ++k) {
      f(i, k) = deviations[i] * row[elements[static_cast<std::size_t>(k)]];
    }
  }
  return f;
}

}  // namespace heavykeys::detail
