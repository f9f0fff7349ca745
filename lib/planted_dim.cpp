// How many dimensions are proven enough (docs/theory.md, T10).
#include <algorithm>
#include <cmath>
#include <string>

#include "heavykeys/error.hpp"
#include "heavykeys/projection.hpp"
#include "heavykeys/sparse_pattern.hpp"
#include "lib/float_environment.hpp"
#include "lib/plant_options.hpp"
#include "lib/portable_math.hpp"
#include "lib/text.hpp"

namespace heavykeys {

namespace {

constexpr double kMostDims = 0x1p40;
constexpr double kRounding = 1e-6;  // what the formulas may lose to rounding, and much more
constexpr double kHalfLogTwoPi = 0.91893853320467274178;

/// ln(1 + x), rounded down: by its alternating series where 1 + x would lose digits.
double log_one_plus(double x) {
  return x < 0x1p-20 ? x - x * x / 2.0 : detail::portable_log(1.0 + x) * (1.0 - kRounding / 8);
}

/// An upper bound of ln P[t_nu > sqrt(nu) c] for Student's t with nu degrees of freedom: the better of
/// (1 + c^2)^(-nu/2) / 2 and (1 + c^2)^(-(nu-1)/2) / (c sqrt(2 pi (nu - 2))).
double log_student_tail(double nu, double c) {
  const double rate = log_one_plus(c * c) / 2.0;
  const double simple = -nu * rate - detail::portable_log(2.0);
  if (nu < 3.0) return simple;
  const double mills =
      -(nu - 1.0) * rate - detail::portable_log(c) - kHalfLogTwoPi - detail::portable_log(nu - 2.0) / 2.0;
  return std::min(simple, mills);
}

std::size_t too_many(const PatternShape& shape, const PlantOptions& options) {
  throw InvalidInput("the bound on the dimension is above 2^40 for " + std::to_string(shape.rows) + " x " +
                     std::to_string(shape.columns) + ", " + std::to_string(shape.row_nonzeros) +
                     " entries a row, ratio " + detail::shortest(shape.ratio) + ", epsilon1 " +
                     detail::shortest(options.epsilon1) + ", epsilon2 " + detail::shortest(options.epsilon2));
}

/// The least nu whose tail, over all pairs off the support, is at most `failure`; then r = k - 1 + nu.
std::size_t interpolating_bound(const PatternShape& shape, const PlantOptions& options) {
  const auto k = static_cast<double>(shape.row_nonzeros);
  if (shape.columns == 1) return shape.row_nonzeros;  // nothing is off the support
  const double pairs = static_cast<double>(shape.rows) * static_cast<double>(shape.columns - 1);
  const double least = detail::portable_log(shape.ratio) - options.logit;  // -b of a row's least entry
  const double other = std::max(options.logit, least);
  const double length = std::sqrt(options.logit * options.logit + (k - 1.0) * other * other);
  const double c = (options.logit - detail::off_support_gap(options)) * (1.0 - kRounding) / length;
  if (!(c > 1e-9)) return too_many(shape, options);
  const double wanted = detail::portable_log(options.failure) - detail::portable_log(pairs) - kRounding;
  double enough = 1.0;
  while (log_student_tail(enough, c) > wanted) {
    enough *= 2.0;
    if (enough > kMostDims) return too_many(shape, options);
  }
  double missing = std::floor(enough / 2.0);  // the tail falls with nu: bisect
  while (enough - missing > 1.0) {
    const double middle = std::floor((missing + enough) / 2.0);
    (log_student_tail(middle, c) > wanted ? missing : enough) = middle;
  }
  return shape.row_nonzeros - 1 + static_cast<std::size_t>(enough);
}

/// Inner products of rows of lengths at most |B|^(1/2) are to be kept within `slack`.
std::size_t svd_bound(const PatternShape& shape, const PlantOptions& options) {
  const double gap = options.logit - detail::off_support_gap(options);
  const bool has_ratios = shape.row_nonzeros > 1;
  const double slack = (has_ratios ? std::min(detail::portable_log(1.0 + options.epsilon1), gap) : gap) / 2.0;
  const double top = std::max(options.logit, detail::portable_log(shape.ratio) - options.logit);
  const double norm =
      std::sqrt(static_cast<double>(shape.row_nonzeros) * static_cast<double>(shape.column_nonzeros)) * top;
  const double pairs = static_cast<double>(shape.rows) * static_cast<double>(shape.columns);
  const double distortion = slack / norm * (1.0 - kRounding);
  if (!(distortion > 1e-9)) return too_many(shape, options);
  return rows_needed(Projection::Kind::gaussian, distortion, options.failure / pairs);
}

}  // namespace

PlantedDim planted_dim(const PatternShape& shape, const PlantOptions& options) {
  const detail::FloatEnvironment ieee;
  if (shape.rows < 1 || shape.columns < 1 || shape.row_nonzeros < 1 || shape.row_nonzeros > shape.columns ||
      shape.column_nonzeros < 1 || shape.column_nonzeros > shape.rows || !(shape.ratio >= 1.0) ||
      !std::isfinite(shape.ratio)) {
    throw InvalidInput("no pattern of shape (" + std::to_string(shape.rows) + ", " +
                       std::to_string(shape.columns) + ") has " + std::to_string(shape.row_nonzeros) +
                       " entries in a row, " + std::to_string(shape.column_nonzeros) +
                       " in a column and the ratio " + detail::shortest(shape.ratio));
  }
  const PlantOptions what = detail::resolved(shape, options);
  if (what.construction == Construction::interpolating) {
    const std::size_t r = interpolating_bound(shape, what);
    return {r, r};
  }
  const std::size_t r = svd_bound(shape, what);
  return {r, std::min({r, shape.rows, shape.columns})};
}

}  // namespace heavykeys
