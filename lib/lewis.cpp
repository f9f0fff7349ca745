#include "lib/lewis.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "heavykeys/error.hpp"
#include "lib/portable_math.hpp"
#include "lib/row_metric.hpp"
#include "lib/text.hpp"

namespace heavykeys::detail {

namespace {

constexpr double kMargin = 1.0 + 0x1p-20;
/// Rounding to powers of 4 drowns a smaller change of the weights.
constexpr double kSettled = 0.125;
constexpr int kMaxSteps = 6;
/// The lattice of weights is tried with offsets of 4^(-i / kOffsets).
constexpr int kOffsets = 8;

/// The least a with w <= 4^a, within the range.
int ceil_log4(double w) {
  if (!(w > 0.0)) return kLeastArrival;
  int e = 0;
  if (std::frexp(w, &e) == 0.5) --e;  // now the least e with w <= 2^e
  return std::clamp((e + 1) >> 1, kLeastArrival, 0);
}

class Arrival {
 public:
  Arrival(const double* rows, std::size_t count, std::size_t dim, const std::vector<double>& metric, double p)
      : metric_(rows, count, dim, metric), count_(count), p_(p) {}

  std::vector<int> run() {
    approach();
    // Raising weights keeps the inequality: the left sides rise, and M with them, so the right sides fall.
    // Hence `weights_` satisfy it from here on, and so does whatever is above them.
    raise_to(needed(weights_));
    int feasible = 0, refused = kOffsets;
    while (refused - feasible > 1) {
      const int offset = (feasible + refused) / 2;
      (satisfied(rounded(offset)) ? feasible : refused) = offset;
    }
    return repaired(rounded(feasible));
  }

 private:
  /// u <- leverage of the rows sqrt(w) k, with w = u^((p - 2) / p): ascends, for every p > 2, the concave
  /// function whose greatest value is at the Lewis weights (docs/primitives.md).
  void approach() {
    weights_.assign(count_, 1.0);
    std::vector<double> form;
    for (int step = 0; step < kMaxSteps; ++step) {
      metric_.forms(weights_, form);
      double change = 0.0;
      for (std::size_t l = 0; l < count_; ++l) {
        const double share = std::min(1.0, weights_[l] * form[l]);
        const double next = share > 0.0 ? portable_pow(share, (p_ - 2.0) / p_) : 0.0;
        if (next > 0.0) change = std::max(change, std::fabs(portable_log(next / weights_[l])));
        weights_[l] = next;
      }
      if (change < kSettled) return;
    }
  }

  /// What the inequality asks of each weight, given all of them; 1 where that cannot be told.
  std::vector<double> needed(const std::vector<double>& weights) {
    std::vector<double> form;
    std::vector<bool> unresolved;
    metric_.forms(weights, form, &unresolved);
    for (std::size_t l = 0; l < count_; ++l) {
      const double bound = unresolved[l] ? 1.0 : std::min(1.0, form[l] * kMargin);
      form[l] = bound > 0.0 ? std::min(1.0, portable_pow(bound, 0.5 * (p_ - 2.0)) * kMargin) : 0.0;
    }
    return form;
  }

  void raise_to(const std::vector<double>& floor) {
    for (std::size_t l = 0; l < count_; ++l) weights_[l] = std::max(weights_[l], floor[l]);
  }

  std::vector<int> rounded(int offset) const {
    const double scale = portable_pow(4.0, -static_cast<double>(offset) / kOffsets);
    std::vector<int> exponents(count_);
    for (std::size_t l = 0; l < count_; ++l)
      exponents[l] = weights_[l] >= 1.0 ? 0 : ceil_log4(weights_[l] * scale);
    return exponents;
  }

  /// What the inequality asks, as exponents.
  std::vector<int> floor_of(const std::vector<int>& exponents) {
    std::vector<double> weights(count_);
    for (std::size_t l = 0; l < count_; ++l) weights[l] = std::ldexp(1.0, 2 * exponents[l]);
    weights = needed(weights);
    std::vector<int> floor(count_);
    std::transform(weights.begin(), weights.end(), floor.begin(), ceil_log4);
    return floor;
  }

  bool satisfied(const std::vector<int>& exponents) {
    const std::vector<int> floor = floor_of(exponents);
    return std::equal(floor.begin(), floor.end(), exponents.begin(), std::less_equal<>());
  }

  /// Nearly always nothing is left to do. But a raised weight can widen the ridge, and with it what is
  /// unresolved.
  std::vector<int> repaired(std::vector<int> exponents) {
    for (;;) {
      const std::vector<int> floor = floor_of(exponents);
      bool raised = false;
      for (std::size_t l = 0; l < count_; ++l) {
        raised |= floor[l] > exponents[l];
        exponents[l] = std::max(exponents[l], floor[l]);
      }
      if (!raised) return exponents;  // ends: exponents only rise, and none above 0
    }
  }

  RowMetric metric_;
  std::size_t count_;
  double p_;
  std::vector<double> weights_;
};

}  // namespace

std::vector<int> arrival_exponents(const double* rows, std::size_t count, std::size_t dim,
                                   const std::vector<double>& metric, double p) {
  if (!(p > 2.0)) throw InvalidInput("arrival weights need p > 2; it is " + shortest(p));
  return Arrival(rows, count, dim, metric, p).run();
}

}  // namespace heavykeys::detail
