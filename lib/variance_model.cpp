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

}  // namespace

VarianceModel::VarianceModel(const PrincipalComponents& from, std::size_t used)
    : components(checked(from).components.data(), index(std::min(used, from.size())), index(from.dim)) {
  const Eigen::Map<const Eigen::VectorXd> variances(from.variances.data(), components.rows());
  const Eigen::Map<const Eigen::VectorXd> whole(from.element_variances.data(), components.cols());
  deviations = variances.cwiseSqrt();
  Eigen::VectorXd low = Eigen::VectorXd::Zero(components.cols());
  for (Eigen::Index i = 0; i < components.rows(); ++i) {
    low += variances[i] * components.row(i).cwiseAbs2().transpose();
  }
  noise = (whole - low).cwiseMax(0.0);
  variance = low + noise;
  const double total = variance.sum();
  if (total != 0.0 && !(total >= 0x1p-900 && total <= 0x1p900)) {
    throw InvalidInput("components: the variances of the elements add up to " + shortest(total) +
                       "; float64 has room for 0 and for 2^-900 .. 2^900");
  }
}

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
