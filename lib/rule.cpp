#include "lib/rule.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/portable_math.hpp"
#include "lib/text.hpp"

namespace heavykeys::detail {

namespace {

/// A double below v by 2^-44 to 2^-31 of it, with 32 significant bits: what a libm may round differently is
/// gone.
double rounded_down(double v) {
  int e = 0;
  const double m = std::frexp(v * (1.0 - 0x1p-39), &e);
  return std::ldexp(std::floor(std::ldexp(m, 32)), e - 32);
}

bool liftable(std::size_t dim, int degree) {
  return degree <= kMaxDegree && monomial_count(dim, degree) <= kMaxLifted;
}

/// Layers of T5.
double layer_count(double epsilon) {
  constexpr double kMostLayers = 1 << 30;  // more than rows can fill
  return std::min(kMostLayers, std::floor(1.0 / epsilon));
}

/// T5, f with growth 2 * degree.
void peel(Rule& rule, double epsilon) {
  rule.layers = static_cast<int>(layer_count(epsilon));
  rule.threshold = epsilon;
}

/// T4: A_j <= tau_j^(p / 2s).
double power_threshold(double epsilon, double p, int degree) {
  if (p == 2.0 * degree) return epsilon;
  if (epsilon == 1.0) return 1.0;
  return rounded_down(portable_pow(epsilon, 2.0 * degree / p));
}

void power_rule(Rule& rule, const Spec& spec) {
  const double p = spec.score.parameter;
  const int degree = std::max(1, static_cast<int>(std::ceil(p / 2.0)));
  if (degree == 1 || liftable(spec.dim, degree)) {
    rule.degrees = {degree};
    rule.threshold = power_threshold(spec.epsilon, p, degree);
    rule.closed_form = p == 2.0 * degree;
    // Both T4 and T5 serve the other powers: whichever promises the smaller set.
    // (Of an epsilon so small that the threshold underflows, the one and the other may be infinity times 0.)
    if (!(layers_bound(spec.epsilon) * rule.threshold >= 1.0)) peel(rule, spec.epsilon);
  } else {
    rule.weighted = true;
    rule.threshold = spec.epsilon;
  }
}

void require_lift(const Spec& spec, const std::vector<int>& degrees) {
  const std::size_t size = lifted_dim(spec.dim, degrees);
  if (size <= kMaxLifted) return;
  throw InvalidInput("score " + spec.score.name() + " at dim " + std::to_string(spec.dim) +
                     " needs a lift of more than " + std::to_string(kMaxLifted) + " coordinates");
}

}  // namespace

std::size_t monomial_count(std::size_t dim, int degree) {
  std::size_t count = 1;
  for (int i = 1; i <= degree; ++i) {
    count = count * (dim + static_cast<std::size_t>(i) - 1) / static_cast<std::size_t>(i);
    if (count > (std::size_t{1} << 32)) return count;
  }
  return count;
}

std::size_t lifted_dim(std::size_t dim, const std::vector<int>& degrees) {
  std::size_t total = 0;
  for (int degree : degrees) total += monomial_count(dim, degree);
  return total;
}

double layer_threshold(double epsilon, int layer) {
  if (layer == 1) return epsilon;
  return std::max(epsilon, rounded_down(epsilon / std::fma(-(layer - 1.0), epsilon, 1.0)));
}

double layers_bound(double epsilon) {
  const double layers = layer_count(epsilon);
  return layers / epsilon - layers * (layers - 1.0) / 2.0;
}

Rule rule_for(const Spec& spec) {
  Rule rule;
  switch (spec.score.kind) {
    case Score::Kind::power:
      power_rule(rule, spec);
      break;
    case Score::Kind::expressive:
      peel(rule, spec.epsilon);
      break;
    case Score::Kind::polynomial:
      // f is a sum of squares of linear functionals of the monomials of its degrees (T3), and the greatest
      // leverage of any of them is at most that of all together.
      rule.degrees.clear();
      for (std::size_t i = 0; i < spec.score.coefficients.size(); ++i) {
        if (spec.score.coefficients[i] > 0.0) rule.degrees.push_back(static_cast<int>(i));
      }
      require_lift(spec, rule.degrees);
      rule.threshold = spec.epsilon;
      rule.closed_form = true;
      break;
    case Score::Kind::custom:
      // Where f(0) > 0, a key of zero score can be heavy among few: a coordinate 1 sees it.
      rule.degrees = {static_cast<int>(spec.score.parameter) / 2};
      if (spec.score.coefficients.at(0) > 0.0) rule.degrees.insert(rule.degrees.begin(), 0);
      require_lift(spec, rule.degrees);
      peel(rule, spec.epsilon);
      break;
    case Score::Kind::softmax:
      throw InvalidInput(
          "score softmax has no universal set smaller than the keys themselves (keys on a circle are each "
          "heavy for some query, docs/theory.md T9): use scan, which reads the queries first");
  }
  return rule;
}

}  // namespace heavykeys::detail
