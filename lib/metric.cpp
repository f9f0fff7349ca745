#include "lib/metric.hpp"

#include <algorithm>

#include "lib/portable_math.hpp"

namespace heavykeys::detail {

Metric::Metric(const Plan& plan) : gram(plan.lift.size(), plan.gram_bits()) {
  if (plan.rule.weighted) plain.emplace(plan.spec.dim, plan.spec.grid_bits);
}

void Metric::add(const Metric& other) {
  gram.add(other.gram);
  if (plain) plain->add(*other.plain);
  for (const auto& [exponent, count] : other.weights) weights[exponent] += count;
}

std::size_t Metric::memory_bytes() const {
  return gram.memory_bytes() + (plain ? plain->memory_bytes() : 0) + weights.size() * 64;
}

double Metric::weight_sum(double p) const {
  double sum = 0.0;
  for (const auto& [exponent, count] : weights) {
    sum += static_cast<double>(count) * portable_pow(2.0, 2.0 * exponent * p / (p - 2.0));
  }
  return sum * (1.0 + 1e-12);
}

double Metric::threshold(const Plan& plan, int layer) const {
  if (plan.rule.layers > 1) return layer_threshold(plan.spec.epsilon, layer);
  if (!plan.rule.weighted) return plan.rule.threshold;
  const double p = plan.spec.score.parameter;
  const double w = weight_sum(p);
  // No rows yet, or rows of zeros only, whose weights vanish: all but zero rows are kept.
  if (!(w > 0.0)) return 0x1p-1000;
  const double threshold = portable_pow(plan.spec.epsilon, 2.0 / p) / portable_pow(w, (p - 2.0) / p);
  return std::min(1.0, threshold * (1.0 - 1e-12));
}

}  // namespace heavykeys::detail
