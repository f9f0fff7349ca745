#include <algorithm>
#include <cmath>

#include "heavykeys/error.hpp"
#include "heavykeys/lewis.hpp"
#include "lib/float_environment.hpp"
#include "lib/kernels.hpp"
#include "lib/key_geometry.hpp"
#include "lib/portable_math.hpp"
#include "lib/row_metric.hpp"
#include "lib/stage.hpp"
#include "lib/text.hpp"

namespace heavykeys {

namespace {

using detail::KeyGeometry;
using detail::portable_log;
using detail::portable_pow;

constexpr int kMaxIterations = 1000;
constexpr std::size_t kPanel = 256;
constexpr double kGreatest = 1e290;  // of the weights of M
constexpr double kLeast = 0x1p-960;  // weights below it have lost bits to underflow

constexpr int kGridBits = 24;

/// All rows in the coordinates of the factor: [n, rank], nearly orthonormal columns.
std::vector<double> coordinates(const KeyGeometry& geometry) {
  const std::size_t n = geometry.count(), d = geometry.rank(), ld = detail::padded(d);
  std::vector<double> out(n * d), panel(kPanel * d);
  detail::AlignedVector<double> image(kPanel * ld);
  for (std::size_t first = 0; first < n; first += kPanel) {
    const std::size_t count = std::min(kPanel, n - first);
    for (std::size_t i = 0; i < count; ++i) geometry.gather(first + i, panel.data() + i * d);
    detail::dot_products(panel.data(), count, d, geometry.whitening().data(), ld, image.data());
    for (std::size_t i = 0; i < count; ++i)
      std::copy_n(image.data() + i * ld, d, out.data() + (first + i) * d);
  }
  return out;
}

class FixedPoint {
 public:
  FixedPoint(const std::vector<double>& rows, std::size_t n, std::size_t d, double p)
      : metric_(rows.data(), n, d, {}), p_(p), weights_(n, 1.0), inner_(n, 1.0) {
    metric_.forms(inner_, weights_);  // leverage scores
  }

  /// M of the weights at hand, the forms of all rows in it, and how far these are from the weights.
  double measure() {
    for (std::size_t l = 0; l < weights_.size(); ++l)
      inner_[l] = weights_[l] > 0.0 ? std::min(kGreatest, portable_pow(weights_[l], 1.0 - 2.0 / p_)) : 0.0;
    metric_.forms(inner_, forms_, &shares_);
    double residual = 0.0;
    for (std::size_t l = 0; l < weights_.size(); ++l) {
      if (weights_[l] == 0.0) continue;
      const double target = 0.5 * p_ * portable_log(forms_[l]);
      if (weights_[l] < kLeast && target < portable_log(2.0 * kLeast)) continue;
      const double off = target - portable_log(weights_[l]);
      residual = std::max(residual, std::fabs(off) + p_ * shares_[l]);
    }
    return residual;
  }

  void step() {
    for (std::size_t l = 0; l < weights_.size(); ++l) {
      if (weights_[l] == 0.0) continue;
      const double next = p_ > 2.0 ? inner_[l] * forms_[l] : portable_pow(forms_[l], 0.5 * p_);
      weights_[l] = std::min(1.0, next);
    }
  }

  std::vector<double> take() { return std::move(weights_); }

 private:
  detail::RowMetric metric_;
  double p_;
  std::vector<double> weights_, inner_, forms_, shares_;
};

}  // namespace

LewisWeights lewis_weights(const Rows& keys, double p, double tolerance) {
  const detail::FloatEnvironment ieee;
  if (!(p >= 0.25 && p <= 64.0))
    throw InvalidInput("p is " + detail::shortest(p) + "; it must lie in [0.25, 64]");
  if (!(tolerance >= 1e-9 && tolerance < 1.0))
    throw InvalidInput("tolerance is " + detail::shortest(tolerance) + "; it must lie in [1e-9, 1)");
  detail::Stage stage("lewis_weights", kMaxIterations);
  const KeyGeometry geometry(keys, kGridBits);
  if (!geometry.has_coordinates())
    throw InvalidInput("the keys are too near dependent for Lewis weights (condition past about 1e13)");
  LewisWeights out;
  out.rank = geometry.rank();
  FixedPoint point(coordinates(geometry), geometry.count(), out.rank, p);
  for (;;) {
    stage.step();
    out.residual = point.measure();
    if (out.residual <= tolerance || out.iterations == kMaxIterations) break;
    point.step();
    ++out.iterations;
  }
  out.weights = point.take();
  return out;
}

}  // namespace heavykeys
