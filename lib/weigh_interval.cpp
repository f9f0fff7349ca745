#include "lib/weigh_interval.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace heavykeys::detail {

namespace {

constexpr double kUp = 1.0 + 1e-12,
                 kDown = 1.0 - 1e-12;  // sums of up to 2^13 terms, and the bounds' own rounding

void add(SumBounds& sum, const SumBounds& more) {
  sum.lower += more.lower;
  sum.upper += more.upper;
  sum.estimate += more.estimate;
}

/// a / b as a bound: 0/0 says nothing, so `otherwise`.
double ratio(double a, double b, double otherwise) {
  const double r = a / b;
  return std::isnan(r) ? otherwise : r;
}

}  // namespace

void weigh_interval(const Plan& plan, const ScaledQuery& query, const KeyPanel& panel, std::size_t heavy,
                    std::size_t seen, const double* x, const TailSum& tail, const HeavyOptions& options,
                    HeavyEntries& out) {
  const double epsilon = plan.spec.epsilon;
  const double gamma = dot_error(panel.dim) * query.norm2;
  const QueryScore f(plan.spec.score, query.shift);
  std::vector<SumBounds> score(seen);
  HeavySums of_heavy;
  SumBounds of_others;
  for (std::size_t u = 0; u < seen; ++u) {
    double error = gamma * panel.norm[u], magnitude = std::fabs(x[u]);
    if (error > 0.0 && magnitude <= error) {  // as good as orthogonal: exactly so, or not?
      magnitude = std::fabs(static_cast<double>(panel.exact_dot(query.raw, u).rounded(-query.shift)));
      error = magnitude * 0x1p-52;
    }
    score[u] = f(std::max(0.0, magnitude - error), magnitude + error);
    score[u].estimate = f.at(magnitude);
    if (u < heavy) of_heavy.power_upper += std::pow(magnitude + error, 2 * plan.lift.top_degree());
    add(u < heavy ? of_heavy.score : of_others, score[u]);
  }
  const double rounding = 1.0 + static_cast<double>(seen) * 0x1p-52;
  of_heavy.score.upper *= rounding;
  of_heavy.power_upper *= rounding * kUp;
  SumBounds all = tail(query, of_heavy, options.confidence);
  add(all, of_heavy.score);
  add(all, of_others);
  all.lower *= kDown / rounding;
  all.upper *= kUp * rounding;
  if (!(all.upper > 0.0)) return;  // f is 0 for every key: 0/0

  for (std::size_t u = 0; u < seen; ++u) {
    if (!(score[u].upper > 0.0)) continue;
    // The key's own score is part of the sum.
    const double lower = std::clamp(ratio(score[u].lower, all.upper, 0.0) * kDown, 0.0, 1.0);
    const double upper = std::clamp(ratio(score[u].upper, all.lower, 1.0) * kUp, lower, 1.0);
    if ((options.mode == Mode::no_false_positives ? lower : upper) < epsilon) continue;
    const double weight = std::clamp(ratio(score[u].estimate, all.estimate, upper), lower, upper);
    append(out, panel.ids[u], {weight, lower, upper});
  }
}

}  // namespace heavykeys::detail
