#include "lib/symmetric_eigen.hpp"

#include <Eigen/Eigenvalues>

#include "heavykeys/error.hpp"

namespace heavykeys::detail {

SymmetricEigen symmetric_eigen(const std::vector<double>& a, std::size_t n) {
  const auto size = static_cast<Eigen::Index>(n);
  // Symmetric: that a is row-major and Eigen's matrix is column-major does not matter.
  const Eigen::Map<const Eigen::MatrixXd> matrix(a.data(), size, size);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(matrix);
  if (solver.info() != Eigen::Success) {
    throw BackendError("the eigenvalues of a " + std::to_string(n) + " x " + std::to_string(n) +
                       " matrix did not converge");
  }
  SymmetricEigen out{std::vector<double>(n), std::vector<double>(n * n)};
  for (std::size_t i = 0; i < n; ++i) {  // Eigen's are ascending
    const auto from = static_cast<Eigen::Index>(n - 1 - i);
    out.values[i] = solver.eigenvalues()[from];
    Eigen::Map<Eigen::VectorXd>(out.vectors.data() + i * n, size) = solver.eigenvectors().col(from);
  }
  return out;
}

}  // namespace heavykeys::detail
