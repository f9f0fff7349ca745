#include "lib/tail_sum.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/empirical_bernstein.hpp"
#include "lib/kernels.hpp"
#include "lib/weigh.hpp"

namespace heavykeys::detail {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Score::operator() is good to 1e-13, and every bound below is a handful of operations.
constexpr double kUp = 1.0 + 1e-12, kDown = 1.0 - 1e-12;

constexpr double kTiny = 0x1p-1060;

/// Coefficients of x^(2 degree).
std::vector<double> monomial(int degree) {
  std::vector<double> c(static_cast<std::size_t>(degree) + 1, 0.0);
  c.back() = 1.0;
  return c;
}

/// From the Gram matrix in float64, and exactly where that cannot tell it from zero.
Bounded power_sum(const Normalizer& sum, const ScaledQuery& q, int degree) {
  const Bounded known = sum(q, ScaledPolynomial(monomial(degree), 0), 0.0);
  if (known.error < known.value) return known;
  const double value = static_cast<double>(sum.exact(q.raw).rounded(-2 * degree * q.shift));
  return {value, value * 0x1p-52};
}

double number_or(double v, double otherwise) { return std::isnan(v) ? otherwise : v; }

}  // namespace

SumBounds QueryScore::operator()(double least, double greatest) const {
  // Below the least normal number an ulp is no longer small beside the value.
  const double lower = std::max(0.0, at(least) * kDown - kTiny);
  const double upper = at(greatest) * kUp + (greatest > 0.0 ? kTiny : 0.0);
  return {number_or(lower, 0.0), number_or(upper, kInfinity), 0.0};
}

double QueryScore::at(double x) const {
  if (score_.kind == Score::Kind::power) return score_(x);  // homogeneous
  if (score_.kind == Score::Kind::expressive && shift_ < 0) {
    // 2^(-2 shift) f: where all x are tiny, f is x^2 and would underflow.
    const double real = std::ldexp(x, shift_);
    return x * x / (1.0 + real * real);
  }
  return score_(std::ldexp(x, shift_));
}

TailSum::TailSum(PlanPtr plan, const Metric& metric, const Peeled& peeled, const Candidates& kept,
                 const std::vector<int>& scale, const RowSample& sample)
    : plan_(std::move(plan)),
      rows_(metric.rows() - kept.size()),
      first_threshold_(metric.threshold(*plan_)),
      last_threshold_(peeled.last_threshold) {
  const std::vector<double> top = monomial(plan_->lift.top_degree());
  ExactGram rest = metric.plain ? *metric.plain : metric.gram;
  remove_rows(rest, plan_->lift, kept.rows);
  rest_.emplace(plan_, rest, scale, top);
  tested_.emplace(plan_, peeled.tested, scale, top);
  if (metric.plain) weight_sum_ = metric.weight_sum(plan_->spec.score.parameter);

  const RowSample::Sorted sampled = sample.sorted();
  sample_.emplace(plan_->spec.dim, sampled.ids.size());
  std::vector<double> row(plan_->spec.dim);
  for (std::size_t i = 0; i < sampled.ids.size(); ++i) {
    if (std::binary_search(kept.ids.begin(), kept.ids.end(), sampled.ids[i])) continue;
    sampled.rows.read(i, row.data());
    sample_->append(sampled.ids[i], row.data(), scale);
  }
}

SumBounds TailSum::by_moments(const ScaledQuery& q, const QueryScore& f, double heavy_power,
                              double* most) const {
  const int degree = plan_->lift.top_degree();
  const Bounded sum = power_sum(*rest_, q, degree), tested = power_sum(*tested_, q, degree);
  const double n = static_cast<double>(rows_);
  const double least = std::max(0.0, sum.value - sum.error), greatest = sum.value + sum.error;
  const auto root = [&](double t) { return std::pow(t, 0.5 / degree); };
  // With g(t) = f(t^(1/2s)) and t_l = x_l^(2s) <= M: g is nondecreasing and g(t)/t nonincreasing.
  // M is what the last leverage test left open, or the first, which was against all rows; or the sum itself.
  const double first = first_threshold_ * (greatest + heavy_power);
  const double last = last_threshold_ * (tested.value + tested.error);
  const double m = std::min({first, last, greatest}) * kUp;
  const double g_of_m = f(0.0, root(m) * kUp).upper;
  *most = g_of_m;
  SumBounds out;
  out.lower = n * f(0.0, 0.0).lower;
  if (m > 0.0 && least > 0.0) {
    out.lower = std::max(out.lower, number_or(least / m * f(root(m) * kUp, 0.0).lower * (1.0 - 1e-10), 0.0));
  }
  // g concave (|x|^p, expressive): Jensen. Else g(t) <= max(g(a), t g(a) / a), with a the mean.
  const double mean = f(0.0, root(greatest / n * kUp) * kUp).upper;
  const bool concave = plan_->spec.score.kind != Score::Kind::custom;
  out.upper = std::min(n * mean * (concave ? 1.0 : 2.0), n * g_of_m) * kUp;
  return out;
}

SumBounds TailSum::by_weights(const ScaledQuery& q, const QueryScore& f, const SumBounds& heavy,
                              double* most) const {
  const double p = plan_->spec.score.parameter, n = static_cast<double>(rows_);
  const Bounded sum = power_sum(*rest_, q, 1), weighted = power_sum(*tested_, q, 1);
  const double least = std::max(0.0, sum.value - sum.error), greatest = (sum.value + sum.error) * kUp;
  // Each |x_l|^p of R is at most B = epsilon (all of them together), being light, and their sum at most
  // B^((p-2)/p) sum x^2. So B <= epsilon (heavy + B^((p-2)/p) sum x^2): from the sum itself, downwards.
  double power = f(0.0, std::sqrt(greatest) * kUp).upper;
  SumBounds out;
  for (int step = 0; step < 64; ++step) {
    out.upper = std::pow(power, (p - 2.0) / p) * greatest * kUp;
    const double less = plan_->spec.epsilon * (heavy.upper + out.upper) * kUp;
    if (!(less < power)) break;
    power = less;
  }
  *most = power;
  // Power means over R, and Hoelder over everything (T7): sum_l w_l x_l^2 <= (sum |x|^p)^(2/p) W^((p-2)/p).
  if (n > 0.0) out.lower = std::pow(least / n, p / 2.0) * n * kDown;
  const double everything = std::pow(std::max(0.0, weighted.value - weighted.error), p / 2.0) /
                            std::pow(weight_sum_, (p - 2.0) / 2.0) * kDown;
  out.lower = std::max(out.lower, everything - heavy.upper * kUp);
  return out;
}

void TailSum::narrow(SumBounds& bounds, const ScaledQuery& q, const QueryScore& f, double most,
                     double confidence) const {
  const double n = static_cast<double>(rows_);
  bounds.estimate =
      std::isfinite(bounds.upper) ? std::sqrt(bounds.lower) * std::sqrt(bounds.upper) : bounds.lower;
  if (!sample_ || sample_->count() == 0 || !std::isfinite(most)) return;
  std::vector<double> x(sample_->ld), low, high;
  dot_products(q.scaled, 1, sample_->dim, sample_->columns.data(), sample_->ld, x.data());
  double sum = 0.0, least = 0.0, greatest = 0.0,
         slack = 0.0;  // slack: what rounding can have done to a value
  for (std::size_t i = 0; i < sample_->count(); ++i) {
    const double error = dot_error(sample_->dim) * q.norm2 * sample_->norm[i], magnitude = std::fabs(x[i]);
    const SumBounds value = f(std::max(0.0, magnitude - error), magnitude + error);
    low.push_back(std::min(value.lower, most));
    high.push_back(std::min(value.upper, most));
    slack = std::max(slack, high.back() - low.back());
    sum += std::min(f.at(magnitude), most);
    least += low.back();
    greatest += high.back();
  }
  const double m = static_cast<double>(low.size());
  bounds.estimate = std::clamp(n * (sum / m), bounds.lower, bounds.upper);
  if (low.size() == rows_) {  // the sample is all there is
    bounds.lower = std::max(bounds.lower, least * (kDown - m * 0x1p-52));
    bounds.upper = std::min(bounds.upper, greatest * (kUp + m * 0x1p-52));
  } else if (confidence > 0.0) {
    // The interval is monotone in the values where it is the entropy's, and moves by at most 4 slack where it
    // is the empirical Bernstein one.
    bounds.lower =
        std::max(bounds.lower, n * (mean_interval(low, rows_, most, confidence).lower - 4.0 * slack) * kDown);
    bounds.upper =
        std::min(bounds.upper, n * (mean_interval(high, rows_, most, confidence).upper + 4.0 * slack) * kUp);
  }
  bounds.estimate = std::clamp(bounds.estimate, bounds.lower, std::max(bounds.lower, bounds.upper));
}

SumBounds TailSum::operator()(const ScaledQuery& q, const HeavySums& heavy, double confidence) const {
  if (rows_ == 0) return {};
  const QueryScore f(plan_->spec.score, q.shift);
  double most = 0.0;
  SumBounds out = plan_->rule.weighted ? by_weights(q, f, heavy.score, &most)
                                       : by_moments(q, f, heavy.power_upper, &most);
  out.lower = std::min(out.lower, out.upper);
  narrow(out, q, f, most, confidence);
  return out;
}

}  // namespace heavykeys::detail
