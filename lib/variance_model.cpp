#include "lib/variance_model.hpp"

#include <algorithm>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/components_check.hpp"
#include "lib/text.hpp"

namespace heavykeys::detail {

namespace {

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
