#include "lib/weigh.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

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

void weigh(Weighing& w, const KeyPanel& panel, std::size_t first, std::size_t last, const double* x,
           HeavyEntries& out) {
  if (first == last) return;
  const bool square = w.score.degree() == 1 && w.score.coefficients[0] == 0.0;
  const double up = square ? kUp : kMoreUp, down = square ? kDown : kMoreDown;
  std::optional<Dyadic> exact;
  const auto exact_normalizer = [&]() -> const Dyadic& {
    if (!exact) exact = w.exact_normalizer();
    return *exact;
  };
  Bounded& n = w.normalizer;
  bool only_exact = !w.score.in_range;
  if (!only_exact && !(n.error <= 2 * Normalizer::kTolerance * n.value)) {
    if (exact_normalizer().sign() == 0) return;  // f is 0 for every key: 0/0
    n.value = static_cast<double>(exact_normalizer().rounded(-w.score.exponent));
    n.error = n.value * 0x1p-52;
  }
  if (only_exact && exact_normalizer().sign() == 0) return;
  if (!(n.value > kTiny) || w.epsilon < kTinyEpsilon) only_exact = true;

  const double gamma = dot_error(panel.dim) * w.query.norm2;
  // No key below this can reach epsilon: f(|x| + error) < epsilon (N - error).
  const double threshold =
      only_exact ? 0.0
                 : least_argument(w.score, w.epsilon * (n.value - n.error) * (square ? 1.0 : down)) -
                       gamma * panel.greatest_norm * kUp;
  std::vector<std::uint32_t> selected(last - first);
  selected.resize(select_at_least(x + first, last - first, threshold, selected.data()));
  for (std::uint32_t offset : selected) {
    const std::size_t u = first + offset;
    if (!only_exact) {
      const double error = gamma * panel.norm[u];
      const double magnitude = std::fabs(x[u]);
      const double high = magnitude + error, least = std::max(0.0, magnitude - error);
      const double upper = w.score(high) / (n.value - n.error) * up;
      const double lower = w.score(least) / (n.value + n.error) * down;
      if (upper < w.epsilon) continue;
      if (lower >= w.epsilon && upper - lower <= kWidth) {
        append(out, panel.ids[u], {std::min(1.0, w.score(magnitude) / n.value), lower, std::min(1.0, upper)});
        continue;
      }
    }
    if (const auto entry =
            exact_entry(panel.exact_dot(w.query.raw, u), w.coefficients, exact_normalizer(), w.epsilon)) {
      append(out, panel.ids[u], *entry);
    }
  }
}

}  // namespace heavykeys::detail
