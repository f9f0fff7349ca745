#include "lib/certified_factor.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "lib/scaled_gram.hpp"

namespace heavykeys::detail {

namespace {

using std::sqrt;

/// Absorbs the rounding of the bounds themselves, which are computed in double.
constexpr double kSlack = 1.0 + 1e-8;

/// Values below 2^-960 lose low bits to underflow in double-double; no decision rests on them.
constexpr double kUnderflow = 0x1p-900;

template <class Real>
Real from_entry(DoubleDouble value);
template <>
double from_entry<double>(DoubleDouble value) {
  return value.hi;
}  // hi is the nearest double
template <>
DoubleDouble from_entry<DoubleDouble>(DoubleDouble value) {
  return value;
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
      lower_[i * d + j] = from_entry<Real>(scaled_entry(gram, scale, order_[i], order_[j]));
    }
  }
  for (std::size_t k = 0; k < d; ++k) {
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
    for (std::size_t i = k + 1; i < d; ++i) lower_[i * d + k] = lower_[i * d + k] / root;
    for (std::size_t i = k + 1; i < d; ++i) {
      const Real factor = lower_[i * d + k];
      for (std::size_t j = k + 1; j <= i; ++j) {
        lower_[i * d + j] = lower_[i * d + j] - factor * lower_[j * d + k];
      }
    }
  }
  return true;
}

template <class Real>
void CertifiedFactor<Real>::certify() {
  const std::size_t d = order_.size();
  const double u = kUnitRoundoff<Real>;
  const double n = static_cast<double>(d);

  // Columns of L^-1 by forward substitution: (L + dL_j) x_j = e_j with |dL_j| <= gamma_d |L|.
  inverse_.assign(d * d, Real(0.0));
  double inverse_squares = 0.0, lower_squares = 0.0;
  for (std::size_t j = 0; j < d; ++j) {
    for (std::size_t i = j; i < d; ++i) {
      Real sum(i == j ? 1.0 : 0.0);
      for (std::size_t k = j; k < i; ++k) sum = sum - lower_[i * d + k] * inverse_[k * d + j];
      const Real x = sum / lower_[i * d + i];
      inverse_[i * d + j] = x;
      inverse_squares += static_cast<double>(x) * static_cast<double>(x);
      const double l = static_cast<double>(lower_[i * d + j]);
      lower_squares += l * l;
    }
  }
  const double gamma = (n + 2) * u * kSlack;
  const double lower_norm = std::sqrt(lower_squares) * kSlack;
  const double computed = std::sqrt(inverse_squares) * kSlack;
  // ||L^-1|| <= computed (1 + gamma ||L|| ||L^-1||), solved for ||L^-1||.
  const double loss = gamma * lower_norm * computed;
  if (!(loss < 0.5)) return;
  const double inverse_norm = computed / (1.0 - loss) * kSlack;
  solve_error_ = gamma * lower_norm * inverse_norm * kSlack;
  theta_ = n * (n + 4) * u * inverse_norm * inverse_norm * kSlack;
  inverse_error_ = solve_error_ / (1.0 - std::min(0.9, solve_error_)) * inverse_norm * kSlack;
  certified_ = theta_ < 0.5 && solve_error_ < 0.25;
}

template <class Real>
Interval CertifiedFactor<Real>::leverage(const double* row) const {
  const std::size_t d = order_.size();
  std::vector<Real> w(d);
  Real squares(0.0);
  for (std::size_t i = 0; i < d; ++i) {
    Real sum(row[order_[i]]);
    for (std::size_t j = 0; j < i; ++j) sum = sum - lower_[i * d + j] * w[j];
    w[i] = sum / lower_[i * d + i];
    squares = squares + w[i] * w[i];
  }
  const double value = static_cast<double>(squares);
  const double mu = solve_error_ + (static_cast<double>(d) + 4) * kUnitRoundoff<Real>;
  // One ulp of double each way covers the conversion and the arithmetic of this line.
  const double upper = value * ((1.0 + mu) * (1.0 + mu) / (1.0 - theta_)) * (1.0 + 0x1p-49) + kUnderflow;
  const double lower = value * ((1.0 - mu) * (1.0 - mu) / (1.0 + theta_)) * (1.0 - 0x1p-49) - kUnderflow;
  return {value, lower, upper};
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
