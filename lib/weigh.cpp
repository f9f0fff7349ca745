#include "lib/weigh.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/kernels.hpp"

namespace heavykeys::detail {

namespace {

constexpr double kUp = 1.0 + 0x1p-49, kDown = 1.0 - 0x1p-49;          // a handful of roundings of the bounds
constexpr double kMoreUp = 1.0 + 0x1p-47, kMoreDown = 1.0 - 0x1p-47;  // with those of Horner's rule
constexpr double kWidth = 1e-10;                                      // promised width of [lower, upper]
constexpr double kTiny = 0x1p-400, kTinyEpsilon = 0x1p-500;           // below them squares would lose bits

/// f(x) / N in exact arithmetic; nothing when it is below epsilon.
std::optional<Entry> exact_entry(const Dyadic& x, const std::vector<double>& c, const Dyadic& n,
                                 double epsilon) {
  const Dyadic square = x * x;
  Dyadic f;
  for (std::size_t i = c.size(); i-- > 0;) f = f * square + Dyadic(c[i]);
  if ((f + (n * Dyadic(epsilon)).negated()).sign() < 0) return std::nullopt;
  const int scale = -n.binary_exponent();  // both in the range of a double: f(x) <= N
  const double w = std::min(1.0, static_cast<double>(f.rounded(scale) / n.rounded(scale)));
  return Entry{w, std::nextafter(w, 0.0), std::min(1.0, std::nextafter(w, 2.0))};
}

/// A value below every |x| with f(x) >= target: for x^2 the root, else by bisection, f being nondecreasing.
double least_argument(const ScaledPolynomial& f, double target) {
  if (f.degree() == 1 && f.coefficients[0] == 0.0 && f.coefficients[1] == 1.0)
    return std::sqrt(target) * kDown;
  double low = 0.0, high = 0x1p200;
  if (!(f(high) >= target)) return 0.0;
  for (int i = 0; i < 400 && high > low * (1.0 + 0x1p-30); ++i) {
    const double mid =
        low < 0x1p-200 ? (high < 0x1p-200 ? 0.0 : std::sqrt(0x1p-200 * high)) : std::sqrt(low * high);
    if (mid <= low) break;
    (f(mid) * kMoreUp >= target ? high : low) = mid;
  }
  return low;
}

}  // namespace

void append(HeavyEntries& out, KeyId id, const Entry& e) {
  out.keys.push_back(id);
  out.weights.push_back(e.weight);
  out.lower.push_back(e.lower);
  out.upper.push_back(e.upper);
}

double dot_error(std::size_t dim) { return (static_cast<double>(dim) + 2) * 0x1p-53 * (1.0 + 1e-10); }

QueryWeigher::QueryWeigher(Weighing& weighing, const KeyPanel& panel)
    : w_(weighing), panel_(panel), gamma_(dot_error(panel.dim) * weighing.query.norm2) {
  const bool square = w_.score.degree() == 1 && w_.score.coefficients[0] == 0.0;
  up_ = square ? kUp : kMoreUp;
  down_ = square ? kDown : kMoreDown;
  only_exact_ = !w_.score.in_range;
  Bounded& n = w_.normalizer;
  constexpr double kNone = std::numeric_limits<double>::infinity();  // f is 0 for every key: 0/0
  if (!only_exact_ && !(n.error <= 2 * Normalizer::kTolerance * n.value)) {
    if (exact_normalizer().sign() == 0) {
      threshold_ = kNone;
      return;
    }
    n.value = static_cast<double>(exact_normalizer().rounded(-w_.score.exponent));
    n.error = n.value * 0x1p-52;
  }
  if (only_exact_ && exact_normalizer().sign() == 0) {
    threshold_ = kNone;
    return;
  }
  if (!(n.value > kTiny) || w_.epsilon < kTinyEpsilon) only_exact_ = true;
  if (only_exact_) return;
  // No key below this can reach epsilon: f(|x| + error) < epsilon (N - error).
  threshold_ = least_argument(w_.score, w_.epsilon * (n.value - n.error) * (square ? 1.0 : down_)) -
               gamma_ * panel.greatest_norm * kUp;
}

const Dyadic& QueryWeigher::exact_normalizer() {
  if (!exact_) exact_ = w_.exact_normalizer();
  return *exact_;
}

void QueryWeigher::decide(std::size_t u, double x, HeavyEntries& out) {
  if (!only_exact_) {
    const Bounded& n = w_.normalizer;
    const double error = gamma_ * panel_.norm[u];
    const double magnitude = std::fabs(x);
    const double high = magnitude + error, least = std::max(0.0, magnitude - error);
    const double upper = w_.score(high) / (n.value - n.error) * up_;
    const double lower = w_.score(least) / (n.value + n.error) * down_;
    if (upper < w_.epsilon) return;
    if (lower >= w_.epsilon && upper - lower <= kWidth) {
      append(out, panel_.ids[u], {std::min(1.0, w_.score(magnitude) / n.value), lower, std::min(1.0, upper)});
      return;
    }
  }
  if (const auto entry =
          exact_entry(panel_.exact_dot(w_.query.raw, u), w_.coefficients, exact_normalizer(), w_.epsilon)) {
    append(out, panel_.ids[u], *entry);
  }
}

void QueryWeigher::decide_all(std::size_t count, const double* x, HeavyEntries& out) {
  std::vector<std::uint32_t> selected(count);
  selected.resize(select_at_least(x, count, threshold_, selected.data()));
  for (const std::uint32_t u : selected) decide(u, x[u], out);
}

}  // namespace heavykeys::detail
