#include "lib/nystrom.hpp"

#include <Eigen/QR>
#include <cmath>
#include <numeric>

#include "lib/aligned.hpp"
#include "lib/symmetric_eigen.hpp"

namespace heavykeys::detail {

namespace {

using Columns = Eigen::Map<Eigen::MatrixXd>;
using ConstColumns = Eigen::Map<const Eigen::MatrixXd>;

/// S^T Y, made symmetric: what rounding of images left of asymmetry goes.
std::vector<double> core(const SignVectors& signs, const std::vector<double>& y) {
  const std::size_t r = signs.columns, stride = signs.strips() * kStrip;
  SignVectors::Workspace workspace;
  std::vector<double> images(r * stride), out(r * r);
  for (std::size_t s = 0; s < signs.strips(); ++s) {
    signs.multiply(y.data(), r, s, workspace, images.data() + s * kStrip, stride);
  }
  for (std::size_t i = 0; i < r; ++i) {
    for (std::size_t j = 0; j < r; ++j)
      out[i * r + j] = (images[i * stride + j] + images[j * stride + i]) / 2;
  }
  return out;
}

}  // namespace

LeadingEigen nystrom_eigen(const SignVectors& signs, double mean_square, std::vector<double>& y) {
  const std::size_t r = signs.columns;
  const auto p = static_cast<Eigen::Index>(signs.dim);
  const SymmetricEigen inner = symmetric_eigen(core(signs, y), r);
  const double variance =
      std::accumulate(inner.values.begin(), inner.values.end(), 0.0) / static_cast<double>(r);
  if (!(variance > 0.0)) return {};
  const double cut = 0x1p-36 * std::sqrt(1.0 + mean_square / variance) * inner.values[0];
  std::size_t t = 0;
  while (t < r && inner.values[t] > cut) ++t;
  if (t == 0) return {};

  // F = Y Q diag(values)^-1/2, so that the approximation is F F^T.
  const auto width = static_cast<Eigen::Index>(t);
  const ConstColumns q(inner.vectors.data(), static_cast<Eigen::Index>(r), width);
  Eigen::MatrixXd f = ConstColumns(y.data(), p, static_cast<Eigen::Index>(r)) * q;
  for (std::size_t i = 0; i < t; ++i) f.col(static_cast<Eigen::Index>(i)) /= std::sqrt(inner.values[i]);
  std::vector<double>().swap(y);

  // F = H R: the eigenvectors are H times those of R R^T, orthonormal however small their eigenvalues.
  const Eigen::HouseholderQR<Eigen::MatrixXd> qr(f);
  const Eigen::MatrixXd upper = qr.matrixQR().topRows(width).triangularView<Eigen::Upper>();
  std::vector<double> square(t * t);
  Columns(square.data(), width, width) = upper * upper.transpose();
  const SymmetricEigen outer = symmetric_eigen(square, t);
  Eigen::MatrixXd vectors = Eigen::MatrixXd::Zero(p, width);
  vectors.topRows(width) = ConstColumns(outer.vectors.data(), width, width);
  vectors.applyOnTheLeft(qr.householderQ());

  LeadingEigen out{outer.values, std::vector<double>(signs.dim * t)};
  Columns(out.vectors.data(), p, width) = vectors;
  return out;
}

}  // namespace heavykeys::detail
