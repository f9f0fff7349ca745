#include "lib/refined_leverage.hpp"

#include <cmath>
#include <limits>

#include "lib/dense_kernels.hpp"
#include "lib/scaled_gram.hpp"

namespace heavykeys::detail {

namespace {

constexpr int kMostSteps = 12;
constexpr double kSlack = 1.0 + 1e-8;
constexpr double kEnough = 0x1p-60;  // relative width that no decision needs to pass

}  // namespace

RefinedLeverage::RefinedLeverage(const ExactGram& gram, const std::vector<int>& scale,
                                 const CertifiedFactor<double>& factor)
    : factor_(factor), dim_(gram.dim()), matrix_(dim_ * dim_) {
  for (std::size_t i : factor.order()) {
    for (std::size_t j : factor.order()) {
      if (j <= i) matrix_[i * dim_ + j] = matrix_[j * dim_ + i] = scaled_entry(gram, scale, i, j);
    }
  }
}

void RefinedLeverage::residual(const DoubleDouble* row, double rounding, const std::vector<DoubleDouble>& x,
                               std::vector<double>& r, std::vector<double>& error) const {
  // D products and D sums, each of relative error below 2^-100, on terms |G_ij x_j|; G itself is rounded.
  const double gamma = (2.0 * static_cast<double>(dim_) + 8.0) * 0x1p-100;
  std::vector<DoubleDouble> sum(row, row + dim_);
  std::vector<double> magnitude(dim_);
  for (std::size_t i = 0; i < dim_; ++i) magnitude[i] = std::fabs(row[i].hi);
  for (std::size_t j : factor_.order()) {
    const DoubleDouble* column = matrix_.data() + j * dim_;  // G is symmetric
    const double x_j = std::fabs(x[j].hi);
    subtract_multiple(sum.data(), column, x[j], dim_);
    for (std::size_t i = 0; i < dim_; ++i) magnitude[i] += std::fabs(column[i].hi) * x_j;
  }
  for (std::size_t i : factor_.order()) {
    r[i] = static_cast<double>(sum[i]);
    error[i] = (gamma * magnitude[i] + rounding * std::fabs(row[i].hi) + std::fabs(r[i]) * 0x1p-52) * kSlack;
  }
}

Interval RefinedLeverage::operator()(const DoubleDouble* row, double rounding) const {
  std::vector<double> r(dim_, 0.0), error(dim_, 0.0), step(dim_);
  std::vector<DoubleDouble> x(dim_);
  for (std::size_t i : factor_.order()) r[i] = row[i].hi;
  Interval best{0.0, 0.0, std::numeric_limits<double>::infinity()};
  for (int k = 0; k < kMostSteps; ++k) {
    factor_.solve(r.data(), dim_, step.data());
    for (std::size_t i : factor_.order()) x[i] = x[i] + DoubleDouble(step[i]);
    residual(row, rounding, x, r, error);

    DoubleDouble value;
    double magnitude = 0.0, moved = 0.0;
    for (std::size_t i : factor_.order()) {
      const DoubleDouble term = x[i] * (row[i] + DoubleDouble(r[i]));
      value = value + term;
      magnitude += std::fabs(term.hi);
      moved += std::fabs(x[i].hi) * (error[i] + rounding * std::fabs(row[i].hi));
    }
    const double tau = static_cast<double>(value);
    const double sums = (2.0 * static_cast<double>(dim_) + 8.0) * 0x1p-100 * magnitude;
    const double slack = (sums + moved) * kSlack + std::fabs(tau) * 0x1p-52;
    const double rest = factor_.bound(r.data(), error.data(), dim_);
    const Interval now{tau, tau - slack, tau + rest + slack};
    if (!(now.upper - now.lower < best.upper - best.lower)) break;
    best = now;
    if (best.upper - best.lower <= kEnough * best.value) break;
  }
  return best;
}

}  // namespace heavykeys::detail
