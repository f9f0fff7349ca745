#include "lib/row_metric.hpp"

#include <algorithm>
#include <cmath>

#include "lib/kernels.hpp"

namespace heavykeys::detail {

namespace {

/// Rows that are in scratch memory at a time. A constant: sums are made in this grouping.
constexpr std::size_t kPanel = 512;
constexpr double kShare = 0x1p-10;

int exponent_of(double magnitude) {
  int e = 0;
  std::frexp(magnitude, &e);
  return e;
}

}  // namespace

RowMetric::RowMetric(const double* rows, std::size_t count, std::size_t dim, const std::vector<double>& fixed)
    : count_(count),
      dim_(dim),
      ld_(padded(dim)),
      column_scale_(dim, 0),
      row_scale_(count, 0),
      scaled_(rows, rows + count * dim),
      fixed_(fixed),
      metric_(dim * dim),
      unit_(dim, 0),
      lower_(dim * dim),
      adjoint_(dim * ld_),
      inverse_(dim * ld_) {
  std::vector<double> top(dim, 0.0);
  for (std::size_t c = 0; c < dim && !fixed.empty(); ++c)
    top[c] = std::sqrt(std::max(0.0, fixed[c * dim + c]));
  for (std::size_t r = 0; r < count; ++r) {
    for (std::size_t c = 0; c < dim; ++c) top[c] = std::max(top[c], std::fabs(rows[r * dim + c]));
  }
  for (std::size_t c = 0; c < dim; ++c) column_scale_[c] = exponent_of(top[c]);
  scale_rows(rows);
  for (std::size_t i = 0; i < dim && !fixed.empty(); ++i) {
    for (std::size_t j = 0; j <= i; ++j)
      fixed_[i * dim + j] = std::ldexp(fixed[i * dim + j], -column_scale_[i] - column_scale_[j]);
  }
}

void RowMetric::scale_rows(const double* rows) {
  for (std::size_t r = 0; r < count_; ++r) {
    const double* row = rows + r * dim_;
    bool zero = true;
    for (std::size_t c = 0; c < dim_; ++c) {
      if (row[c] == 0.0) continue;
      const int e = exponent_of(row[c]) - column_scale_[c];
      row_scale_[r] = zero ? e : std::max(row_scale_[r], e);
      zero = false;
    }
    for (std::size_t c = 0; c < dim_; ++c)
      scaled_[r * dim_ + c] = std::ldexp(row[c], -column_scale_[c] - row_scale_[r]);
  }
}

void RowMetric::gather(const std::vector<double>& weights) {
  if (fixed_.empty()) {
    std::fill(metric_.begin(), metric_.end(), 0.0);
  } else {
    metric_ = fixed_;
  }
  AlignedVector<double> panel(kPanel * ld_), sums(dim_ * ld_);
  std::vector<double> weighted(dim_ * kPanel);
  for (std::size_t first = 0; first < count_; first += kPanel) {
    const std::size_t length = std::min(kPanel, count_ - first);
    for (std::size_t r = 0; r < length; ++r) {
      const double* row = scaled_.data() + (first + r) * dim_;
      const double weight = std::ldexp(weights[first + r], 2 * row_scale_[first + r]);
      for (std::size_t c = 0; c < dim_; ++c) {
        panel[r * ld_ + c] = row[c];
        weighted[c * length + r] = weight * row[c];
      }
    }
    dot_products(weighted.data(), dim_, length, panel.data(), ld_, sums.data());
    for (std::size_t i = 0; i < dim_; ++i) {
      for (std::size_t j = 0; j <= i; ++j) metric_[i * dim_ + j] += sums[i * ld_ + j];
    }
  }
}

bool RowMetric::eliminate() {
  for (std::size_t i = 0; i < dim_; ++i) {
    for (std::size_t j = 0; j <= i; ++j)
      lower_[i * dim_ + j] = std::ldexp(metric_[i * dim_ + j], -unit_[i] - unit_[j]);
    lower_[i * dim_ + i] += ridge_;
  }
  // Right-looking by rows of L, so that the inner loop runs along a row: fixed order, and the compiler can
  // use vectors.
  std::vector<double> column(dim_);
  for (std::size_t k = 0; k < dim_; ++k) {
    const double diagonal = lower_[k * dim_ + k];
    if (!(diagonal > 0.25 * ridge_)) return false;
    const double root = std::sqrt(diagonal);
    lower_[k * dim_ + k] = root;
    for (std::size_t i = k + 1; i < dim_; ++i) column[i] = lower_[i * dim_ + k] /= root;
    for (std::size_t i = k + 1; i < dim_; ++i) {
      const double factor = column[i];
      double* row = lower_.data() + i * dim_;
      for (std::size_t j = k + 1; j <= i; ++j) row[j] -= factor * column[j];
    }
  }
  return true;
}

void RowMetric::factorize() {
  for (std::size_t i = 0; i < dim_; ++i) {
    const double diagonal = metric_[i * dim_ + i];
    unit_[i] = diagonal > 0.0 ? (exponent_of(diagonal) + 1) >> 1 : 0;
  }
  ridge_ = 4.0 * static_cast<double>(dim_) * 0x1p-53;
  while (!eliminate() && ridge_ < 1.0) ridge_ *= 8.0;
}

void RowMetric::invert() {
  std::fill(adjoint_.begin(), adjoint_.end(), 0.0);
  for (std::size_t i = 0; i < dim_; ++i) {  // row i of L^-1 from the rows above it
    double* row = adjoint_.data() + i * ld_;
    for (std::size_t k = 0; k < i; ++k) {
      const double factor = lower_[i * dim_ + k];
      const double* above = adjoint_.data() + k * ld_;
      for (std::size_t j = 0; j <= k; ++j) row[j] -= factor * above[j];
    }
    row[i] = 1.0;
    for (std::size_t j = 0; j <= i; ++j) row[j] /= lower_[i * dim_ + i];
  }
  std::fill(inverse_.begin(), inverse_.end(), 0.0);
  for (std::size_t i = 0; i < dim_; ++i) {
    for (std::size_t j = 0; j <= i; ++j) inverse_[j * ld_ + i] = std::ldexp(adjoint_[i * ld_ + j], -unit_[j]);
  }
}

void RowMetric::forms(const std::vector<double>& weights, std::vector<double>& forms,
                      std::vector<bool>* unresolved) {
  gather(weights);
  factorize();
  invert();
  forms.assign(count_, 0.0);
  if (unresolved != nullptr) unresolved->assign(count_, false);
  std::vector<double> image(kPanel * dim_);
  AlignedVector<double> solved(kPanel * ld_);
  for (std::size_t first = 0; first < count_; first += kPanel) {
    const std::size_t length = std::min(kPanel, count_ - first);
    dot_products(scaled_.data() + first * dim_, length, dim_, inverse_.data(), ld_, solved.data());
    std::vector<double> form(length, 0.0);
    for (std::size_t r = 0; r < length; ++r) {
      for (std::size_t c = 0; c < dim_; ++c) {
        image[r * dim_ + c] = solved[r * ld_ + c];
        form[r] += solved[r * ld_ + c] * solved[r * ld_ + c];
      }
      forms[first + r] = std::ldexp(form[r], 2 * row_scale_[first + r]);
    }
    if (unresolved == nullptr) continue;
    dot_products(image.data(), length, dim_, adjoint_.data(), ld_, solved.data());
    for (std::size_t r = 0; r < length; ++r) {
      double squares = 0.0;
      for (std::size_t c = 0; c < dim_; ++c) squares += solved[r * ld_ + c] * solved[r * ld_ + c];
      (*unresolved)[first + r] = !(ridge_ * squares <= kShare * form[r]);
    }
  }
}

}  // namespace heavykeys::detail
