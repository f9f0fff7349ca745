#include "lib/moment_form.hpp"

#include <algorithm>
#include <cmath>

#include "lib/attention_kernels.hpp"
#include "lib/kernels.hpp"

namespace heavykeys::detail {

MomentForm::MomentForm(std::size_t dim, const std::vector<double>& coefficients)
    : dim_(dim), coefficients_(coefficients) {
  for (std::size_t s = 1; s < coefficients.size(); ++s) {
    if (coefficients[s] == 0.0) continue;
    Lift lift(dim, {static_cast<int>(s)});
    const std::size_t ld = padded(lift.size());
    AlignedVector<double> matrix(lift.size() * ld);
    moments_.push_back({coefficients[s], std::move(lift), ld, std::move(matrix), 0.0});
  }
}

namespace {

double squares(const double* x, std::size_t n) {
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) sum += x[i] * x[i];
  return sum;
}

}  // namespace

AlignedVector<double> MomentForm::lifted(const Moment& m, const double* rows, std::size_t count) {
  AlignedVector<double> out(count * m.ld);
  const std::size_t dim = m.lift.dim(), size = m.lift.size();
  for (std::size_t r = 0; r < count; ++r) {
    m.lift.products(rows + r * dim, &out[r * m.ld]);
    for (std::size_t c = 0; c < size; ++c) out[r * m.ld + c] *= m.lift.multiplicity(c);
  }
  return out;
}

void MomentForm::add(const double* rows, const double* weights, std::size_t count) {
  // (x.y)^2s = sum_ab (m_a x^a) (y^a y^b) (m_b x^b), m the multiplicities: x brings them, in evaluate.
  for (std::size_t r = 0; r < count; ++r) total_weight_ += weights[r];
  for (Moment& m : moments_) {
    const std::size_t size = m.lift.size();
    for (std::size_t r = 0; r < count; ++r) {
      m.norms += std::abs(weights[r]) * std::pow(squares(rows + r * dim_, dim_), m.lift.top_degree());
    }
    AlignedVector<double> plain(count * m.ld), weighted(count * m.ld);
    for (std::size_t r = 0; r < count; ++r) {
      m.lift.products(rows + r * dim_, &plain[r * m.ld]);
      for (std::size_t c = 0; c < size; ++c) weighted[r * m.ld + c] = weights[r] * plain[r * m.ld + c];
    }
    multiply_add<double>(
        {weighted.data(), 1, static_cast<std::ptrdiff_t>(m.ld), size, plain.data(), m.ld, m.ld, count},
        m.matrix.data(), m.ld);
  }
}

void MomentForm::evaluate(const double* x, std::size_t count, double* values, double* gradients) const {
  std::fill_n(values, count, coefficients_[0] * total_weight_);
  if (gradients != nullptr) std::fill_n(gradients, count * dim_, 0.0);
  std::vector<double> by_x(dim_);
  for (const Moment& m : moments_) {
    const std::size_t size = m.lift.size();
    const AlignedVector<double> phi = lifted(m, x, count);
    AlignedVector<double> image(count * m.ld);
    multiply<double>(
        {phi.data(), static_cast<std::ptrdiff_t>(m.ld), 1, count, m.matrix.data(), m.ld, m.ld, size},
        image.data(), m.ld);
    for (std::size_t r = 0; r < count; ++r) {
      double* y = &image[r * m.ld];
      double sum = 0.0;
      for (std::size_t c = 0; c < size; ++c) sum += y[c] * phi[r * m.ld + c];
      values[r] += m.coefficient * sum;
      if (gradients == nullptr) continue;
      for (std::size_t c = 0; c < size; ++c) y[c] *= 2.0 * m.coefficient * m.lift.multiplicity(c);
      m.lift.pull_back(x + r * dim_, y, by_x.data());
      for (std::size_t i = 0; i < dim_; ++i) gradients[r * dim_ + i] += by_x[i];
    }
  }
}

bool MomentForm::is_doubtful(const double* x, double value) const {
  double error = 0.0;
  for (const Moment& m : moments_) {
    // Two sums of D products, each product rounded for each factor; sums in practice err by the root of their
    // length.
    const double roundings = 8.0 + 2.0 * std::sqrt(static_cast<double>(m.lift.size()));
    error += roundings * 0x1p-53 * m.coefficient * m.norms * std::pow(squares(x, dim_), m.lift.top_degree());
  }
  return !(error <= 1e-9 * value);
}

double MomentForm::term(double x) const {
  double sum = 0.0;
  for (std::size_t i = coefficients_.size(); i-- > 0;) sum = sum * (x * x) + coefficients_[i];
  return sum;
}

double MomentForm::slope(double x) const {
  double sum = 0.0;
  for (std::size_t i = coefficients_.size() - 1; i > 0; --i) {
    sum = sum * (x * x) + 2.0 * static_cast<double>(i) * coefficients_[i];
  }
  return sum * x;
}

}  // namespace heavykeys::detail
