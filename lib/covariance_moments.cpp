#include "lib/covariance_moments.hpp"

#include <algorithm>
#include <cmath>

#include "heavykeys/error.hpp"
#include "lib/float_environment.hpp"

namespace heavykeys {

namespace detail {

namespace {

constexpr int kUnit = -kSampleBits;  // an integer of exponent E stands for so many times 2^(E + kUnit)

int greatest_exponent(const CovarianceState& state) {
  int base = kZeroSample;
  for (const auto* groups : {&state.elements, &state.images}) {
    for (const auto& [exponent, group] : *groups) {
      if (group.samples > 0) base = std::max(base, exponent);
    }
  }
  return base == kZeroSample ? 0 : base;
}

}  // namespace

Moments::Moments(const CovarianceState& state)
    : state_(state), count_(static_cast<double>(state.samples)), base_(greatest_exponent(state)) {
  if (state.samples == 0) throw InvalidInput("the covariance of no samples");
  element_totals_ = totals(state.elements, &ElementSums::sums, 1);
  if (element_totals_.empty()) element_totals_.resize(state.spec.dim);  // all samples were 0
  if (!state.is_sketch()) return;
  image_totals_ = totals(state.images, &ElementSums::sums, 1);
  if (image_totals_.empty()) image_totals_.resize(state.spec.sketch_columns);
}

std::vector<DoubleDouble> Moments::totals(const std::map<int, ElementSums>& groups,
                                          std::vector<Int128> ElementSums::*sums, int per_exponent) const {
  std::vector<DoubleDouble> out;
  for (const auto& [exponent, group] : groups) {  // the smallest first
    if (group.samples == 0) continue;
    const std::vector<Int128>& from = group.*sums;
    out.resize(from.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
      out[i] = out[i] + scaled(from[i], per_exponent * (exponent - base_ + kUnit));
    }
  }
  return out;
}

double Moments::central(DoubleDouble products, DoubleDouble a, DoubleDouble b) const {
  const DoubleDouble n(count_);
  const double value = std::ldexp(static_cast<double>((products - a * b / n) / n), 2 * base_);
  if (std::isfinite(value)) return value;
  throw InvalidInput("the covariance leaves the range of float64: some sample has an element of about 2^" +
                     std::to_string(base_));
}

DoubleDouble Moments::product_total(std::size_t i, std::size_t j) const {
  DoubleDouble total;
  for (const auto& [key, group] : state_.products) {
    if (group.samples == 0) continue;
    total = total + scaled(group.sums.at(i, j), key.left + key.right - 2 * base_ + 2 * kUnit);
  }
  return total;
}

std::vector<double> Moments::means() const {
  std::vector<double> out(element_totals_.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = std::ldexp(static_cast<double>(element_totals_[i] / DoubleDouble(count_)), base_);
  }
  return out;
}

std::vector<double> Moments::variances() const {
  std::vector<DoubleDouble> squares(state_.spec.dim);
  if (!state_.is_sketch()) {
    for (std::size_t i = 0; i < squares.size(); ++i) squares[i] = product_total(i, i);
  } else if (auto found = totals(state_.elements, &ElementSums::squares, 2); !found.empty()) {
    squares = std::move(found);
  }
  std::vector<double> out(squares.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = std::max(0.0, central(squares[i], element_totals_[i], element_totals_[i]));
  }
  return out;
}

void Moments::column(std::size_t j, double* out) const {
  const bool sketch = state_.is_sketch();
  const DoubleDouble right = sketch ? image_totals_[j] : element_totals_[j];
  const std::size_t end = sketch ? state_.spec.dim : j + 1;
  for (std::size_t i = 0; i < end; ++i) out[i] = central(product_total(i, j), element_totals_[i], right);
}

double Moments::image_mean_square() const {
  double sum = 0.0;
  for (const DoubleDouble& total : image_totals_) {
    const double m = std::ldexp(static_cast<double>(total / DoubleDouble(count_)), base_);
    sum += m * m;
  }
  return sum / static_cast<double>(image_totals_.size());
}

}  // namespace detail

std::vector<double> mean(const Covariance& covariance) {
  const detail::FloatEnvironment ieee;
  return detail::Moments(detail::CovarianceAccess::state(covariance)).means();
}

std::vector<double> element_variances(const Covariance& covariance) {
  const detail::FloatEnvironment ieee;
  return detail::Moments(detail::CovarianceAccess::state(covariance)).variances();
}

std::vector<double> covariance_matrix(const Covariance& covariance) {
  const detail::FloatEnvironment ieee;
  const detail::CovarianceState& state = detail::CovarianceAccess::state(covariance);
  if (state.is_sketch()) {
    throw InvalidInput("the whole covariance was not kept: sketch_columns is " +
                       std::to_string(state.spec.sketch_columns));
  }
  const detail::Moments moments(state);
  const std::size_t p = state.spec.dim;
  std::vector<double> out(p * p);
  for (std::size_t j = 0; j < p; ++j) {
    moments.column(j, out.data() + j * p);  // row j, as far as the diagonal
    for (std::size_t i = 0; i < j; ++i) out[i * p + j] = out[j * p + i];
  }
  return out;
}

}  // namespace heavykeys
