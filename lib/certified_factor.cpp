#include "lib/certified_factor.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "lib/dense_kernels.hpp"
#include "lib/scaled_gram.hpp"
#include "lib/stage.hpp"

namespace heavykeys::detail {

namespace {

using std::sqrt;

/// Absorbs the rounding of the bounds themselves, which are computed in double.
constexpr double kSlack = 1.0 + 1e-8;

/// Values below 2^-960 lose low bits to underflow in double-double; no decision rests on them.
constexpr double kUnderflow = 0x1p-900;

template <class Real>
Real entry_as(const ExactGram& gram, const std::vector<int>& scale, std::size_t i, std::size_t j);
template <>
double entry_as<double>(const ExactGram& gram, const std::vector<int>& scale, std::size_t i, std::size_t j) {
  return nearest_entry(gram, scale, i, j);
}
template <>
DoubleDouble entry_as<DoubleDouble>(const ExactGram& gram, const std::vector<int>& scale, std::size_t i,
                                    std::size_t j) {
  return scaled_entry(gram, scale, i, j);
}

}  // namespace

template <class Real>
CertifiedFactor<Real>::CertifiedFactor(const ExactGram& gram, const std::vector<int>& scale,
                                       const std::vector<std::size_t>& columns)
    : order_(columns) {
  if (factorize(gram, scale)) certify();
}

template <class Real>
bool CertifiedFactor<Real>::factorize(const ExactGram& gram, const std::vector<int>& scale) {
  const std::size_t d = order_.size();
  lower_.assign(d * d, Real(0.0));
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      lower_[i * d + j] = entry_as<Real>(gram, scale, order_[i], order_[j]);
    }
  }
  std::vector<Real> column(d);
  Stage stage("leverage", d);
  for (std::size_t k = 0; k < d; ++k) {
    stage.step();
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < d; ++i) {
      if (lower_[pivot * d + pivot] < lower_[i * d + i]) pivot = i;
    }
    if (pivot != k) {  // symmetric exchange within the lower triangle
      std::swap(order_[k], order_[pivot]);
      for (std::size_t j = 0; j < k; ++j) std::swap(lower_[k * d + j], lower_[pivot * d + j]);
      for (std::size_t i = k + 1; i < pivot; ++i) std::swap(lower_[i * d + k], lower_[pivot * d + i]);
      for (std::size_t i = pivot + 1; i < d; ++i) std::swap(lower_[i * d + k], lower_[i * d + pivot]);
      std::swap(lower_[k * d + k], lower_[pivot * d + pivot]);
    }
    const Real diagonal = lower_[k * d + k];
    if (!(Real(0.0) < diagonal)) return false;
    const Real root = sqrt(diagonal);
    lower_[k * d + k] = root;
    for (std::size_t i = k + 1; i < d; ++i) column[i] = lower_[i * d + k] = lower_[i * d + k] / root;
    for (std::size_t i = k + 1; i < d; ++i) {
      subtract_multiple(&lower_[i * d + k + 1], &column[k + 1], column[i], i - k);
    }
  }
  return true;
}

template <class Real>
void CertifiedFactor<Real>::certify() {
  const std::size_t d = order_.size();
  const double u = kUnitRoundoff<Real>;
  const double n = static_cast<double>(d);

  // Columns of L^-1 by forward substitution, all of row i together: (L + dL_j) x_j = e_j, |dL_j| <= gamma
  // |L|.
  inverse_.assign(d * d, Real(0.0));
  double squares = 0.0;
  Stage stage("leverage", d);
  for (std::size_t i = 0; i < d; ++i) {
    stage.step();
    Real* row = &inverse_[i * d];
    row[i] = Real(1.0);
    for (std::size_t k = 0; k < i; ++k) subtract_multiple(row, &inverse_[k * d], lower_[i * d + k], k + 1);
    for (std::size_t j = 0; j <= i; ++j) {
      row[j] = row[j] / lower_[i * d + i];
      squares += static_cast<double>(row[j]) * static_cast<double>(row[j]);
    }
  }
  const double gamma = (n + 5) * u * kSlack;
  const double beta0 = product_norm() * kSlack;
  // |L^-1| |L| <= (I - gamma |X| |L|)^-1 |X| |L|, entry by entry.
  if (!(gamma * beta0 < 0.5)) return;
  const double beta = beta0 / (1.0 - gamma * beta0) * kSlack;
  const double computed = std::sqrt(squares) * kSlack;
  solve_error_ = gamma * beta / (1.0 - std::min(0.5, gamma * beta)) * kSlack;
  theta_ = gamma * beta * beta * kSlack;
  inverse_error_ = gamma * beta * computed * kSlack;
  inverse_norm_ = computed + inverse_error_;
  certified_ = theta_ < 0.5 && solve_error_ < 0.25;
}

template <class Real>
double CertifiedFactor<Real>::product_norm() const {
  const std::size_t d = order_.size();
  std::vector<double> of_l(d, 0.0), of_x(d, 0.0), columns(d, 0.0);  // row sums of |L|, column sums of |X|
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      of_l[i] += std::fabs(static_cast<double>(lower_[i * d + j]));
      of_x[j] += std::fabs(static_cast<double>(inverse_[i * d + j]));
    }
  }
  double greatest_row = 0.0;
  for (std::size_t i = 0; i < d; ++i) {
    double row = 0.0;
    for (std::size_t j = 0; j <= i; ++j) {
      row += std::fabs(static_cast<double>(inverse_[i * d + j])) * of_l[j];
      columns[j] += of_x[i] * std::fabs(static_cast<double>(lower_[i * d + j]));
    }
    greatest_row = std::max(greatest_row, row);
  }
  double greatest_column = 0.0;
  for (double column : columns) greatest_column = std::max(greatest_column, column);
  return std::sqrt(greatest_row) * std::sqrt(greatest_column);
}

template <class Real>
void CertifiedFactor<Real>::forward(const Real* row, Real* w) const {
  const std::size_t d = order_.size();
  for (std::size_t i = 0; i < d; ++i) {
    Real sum = row[order_[i]];
    for (std::size_t j = 0; j < i; ++j) sum = sum - lower_[i * d + j] * w[j];
    w[i] = sum / lower_[i * d + i];
  }
}

template <class Real>
Interval CertifiedFactor<Real>::interval(double value, double slack) const {
  const double mu = solve_error_ + (static_cast<double>(order_.size()) + 4) * kUnitRoundoff<Real>;
  // One ulp of double each way covers the conversion and the arithmetic of this line.
  double high = value * ((1.0 + mu) * (1.0 + mu)), low = value * ((1.0 - mu) * (1.0 - mu));
  if (slack > 0.0) {
    const double root = std::sqrt(value);
    high = (root * (1.0 + mu) + slack) * (root * (1.0 + mu) + slack);
    low = std::max(0.0, root * (1.0 - mu) - slack) * std::max(0.0, root * (1.0 - mu) - slack);
  }
  const double upper = high / (1.0 - theta_) * (1.0 + 0x1p-49) + kUnderflow;
  const double lower = low / (1.0 + theta_) * (1.0 - 0x1p-49) - kUnderflow;
  return {value, lower, upper};
}

template <class Real>
void CertifiedFactor<Real>::leverages(const Real* rows, std::size_t count, std::size_t dim, double rounding,
                                      Interval* out) const {
  const std::size_t d = order_.size();
  std::vector<Real> w(d * kSolved), squares(kSolved);
  for (std::size_t first = 0; first < count; first += kSolved) {
    const std::size_t lanes = std::min(kSolved, count - first);
    for (std::size_t i = 0; i < d; ++i) {
      for (std::size_t r = 0; r < kSolved; ++r) {
        w[i * kSolved + r] = r < lanes ? rows[(first + r) * dim + order_[i]] : Real(0.0);
      }
    }
    solve_lower(lower_.data(), d, w.data());
    std::fill(squares.begin(), squares.end(), Real(0.0));
    for (std::size_t i = 0; i < d; ++i) {
      for (std::size_t r = 0; r < kSolved; ++r)
        squares[r] = squares[r] + w[i * kSolved + r] * w[i * kSolved + r];
    }
    for (std::size_t r = 0; r < lanes; ++r) {
      double slack = 0.0, norm = 0.0;
      if (rounding > 0.0) {  // || L^-1 (error of the row) ||
        for (std::size_t i = 0; i < dim; ++i) {
          const double k = static_cast<double>(rows[(first + r) * dim + i]);
          norm += k * k;
        }
        slack = rounding * inverse_norm_ * std::sqrt(norm) * kSlack;
      }
      out[first + r] = interval(static_cast<double>(squares[r]), slack);
    }
  }
}

template <class Real>
void CertifiedFactor<Real>::solve(const double* row, std::size_t dim, double* x) const {
  const std::size_t d = order_.size();
  std::vector<Real> in(row, row + dim), w(d);
  forward(in.data(), w.data());
  for (std::size_t i = d; i-- > 0;) {
    w[i] = w[i] / lower_[i * d + i];
    subtract_multiple(w.data(), &lower_[i * d], w[i], i);
  }
  std::fill(x, x + dim, 0.0);
  for (std::size_t i = 0; i < d; ++i) x[order_[i]] = static_cast<double>(w[i]);
}

template <class Real>
double CertifiedFactor<Real>::bound(const double* r, const double* error, std::size_t dim) const {
  std::vector<Real> in(r, r + dim);
  Interval known;
  leverages(in.data(), 1, dim, 0.0, &known);
  double squares = 0.0;
  for (std::size_t i : order_) squares += error[i] * error[i];
  const double root = std::sqrt(known.upper) + inverse_norm_ * std::sqrt(squares / (1.0 - theta_)) * kSlack;
  return root * root * kSlack;
}

template <class Real>
std::vector<double> CertifiedFactor<Real>::inverse() const {
  std::vector<double> out(inverse_.size());
  std::transform(inverse_.begin(), inverse_.end(), out.begin(),
                 [](Real x) { return static_cast<double>(x); });
  return out;
}

template class CertifiedFactor<double>;
template class CertifiedFactor<DoubleDouble>;

}  // namespace heavykeys::detail
