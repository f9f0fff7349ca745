#include "lib/singular_values.hpp"

#include <Eigen/SVD>
#include <string>

#include "heavykeys/error.hpp"

namespace heavykeys::detail {

namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

std::vector<double> flat(const Eigen::MatrixXd& m) {
  std::vector<double> out(static_cast<std::size_t>(m.size()));
  Eigen::Map<RowMajor>(out.data(), m.rows(), m.cols()) = m;
  return out;
}

}  // namespace

SingularValues singular_values(const std::vector<double>& a, std::size_t rows, std::size_t columns) {
  const Eigen::Map<const RowMajor> matrix(a.data(), static_cast<Eigen::Index>(rows),
                                          static_cast<Eigen::Index>(columns));
  const Eigen::BDCSVD<Eigen::MatrixXd> svd(matrix, Eigen::ComputeThinU | Eigen::ComputeThinV);
  if (svd.info() != Eigen::Success) {
    throw BackendError("the singular values of a " + std::to_string(rows) + " x " + std::to_string(columns) +
                       " matrix did not converge");
  }
  SingularValues out{std::vector<double>(static_cast<std::size_t>(svd.singularValues().size())),
                     flat(svd.matrixU()), flat(svd.matrixV())};
  Eigen::Map<Eigen::VectorXd>(out.values.data(), svd.singularValues().size()) = svd.singularValues();
  return out;
}

}  // namespace heavykeys::detail
