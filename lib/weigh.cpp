#include "lib/weigh.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "lib/kernels.hpp"

namespace heavykeys::detail {

namespace {

constexpr double kUp = 1.0 + 0x1p-49, kDown = 1.0 - 0x1p-49;  // a handful of roundings of the bounds
constexpr double kWidth = 1e-10;                              // promised width of [lower, upper]
constexpr double kTiny = 0x1p-400, kTinyEpsilon = 0x1p-500;   // below them squares would lose bits

struct Entry {
  double weight, lower, upper;
};

void append(HeavyEntries& out, KeyId id, const Entry& e) {
  out.keys.push_back(id);
  out.weights.push_back(e.weight);
  out.lower.push_back(e.lower);
  out.upper.push_back(e.upper);
}

/// x^2 / N in exact arithmetic; nothing when it is below epsilon.
std::optional<Entry> exact_entry(const Dyadic& x, const Dyadic& n, double epsilon) {
  const Dyadic square = x * x;
  if ((square + (n * Dyadic(epsilon)).negated()).sign() < 0) return std::nullopt;
  const int scale = -n.binary_exponent();  // both in the range of a double: x^2 <= N
  const double w = std::min(1.0, static_cast<double>(square.rounded(scale) / n.rounded(scale)));
  return Entry{w, std::nextafter(w, 0.0), std::min(1.0, std::nextafter(w, 2.0))};
}

}  // namespace

double dot_error(std::size_t dim) { return (static_cast<double>(dim) + 2) * 0x1p-53 * (1.0 + 1e-10); }

void weigh(Weighing& w, const KeyPanel& panel, std::size_t first, std::size_t last, const double* x,
           HeavyEntries& out) {
  if (w.query.zero || first == last) return;
  std::optional<Dyadic> exact;
  const auto exact_normalizer = [&]() -> const Dyadic& {
    if (!exact) exact = w.exact_normalizer();
    return *exact;
  };
  Bounded& n = w.normalizer;
  bool only_exact = false;
  if (!(n.error <= 2 * Normalizer::kTolerance * n.value)) {
    if (exact_normalizer().sign() == 0) return;  // orthogonal to every key: 0/0
    n.value = static_cast<double>(exact_normalizer().rounded(-2 * w.query.shift));
    n.error = n.value * 0x1p-52;
  }
  if (!(n.value > kTiny) || w.epsilon < kTinyEpsilon) only_exact = true;

  const double gamma = dot_error(panel.dim) * w.query.norm2;
  // No key below this can reach epsilon: (|x| + error)^2 < epsilon (N - error).
  const double threshold =
      only_exact ? 0.0
                 : std::sqrt(w.epsilon * (n.value - n.error)) * kDown - gamma * panel.greatest_norm * kUp;
  std::vector<std::uint32_t> selected(last - first);
  selected.resize(select_at_least(x + first, last - first, threshold, selected.data()));
  for (std::uint32_t offset : selected) {
    const std::size_t u = first + offset;
    if (!only_exact) {
      const double error = gamma * panel.norm[u];
      const double magnitude = std::fabs(x[u]);
      const double high = magnitude + error, least = std::max(0.0, magnitude - error);
      const double upper = high * high / (n.value - n.error) * kUp;
      const double lower = least * least / (n.value + n.error) * kDown;
      if (upper < w.epsilon) continue;
      if (lower >= w.epsilon && upper - lower <= kWidth) {
        append(out, panel.ids[u],
               {std::min(1.0, magnitude * magnitude / n.value), lower, std::min(1.0, upper)});
        continue;
      }
    }
    if (const auto entry = exact_entry(panel.exact_dot(w.query.raw, u), exact_normalizer(), w.epsilon)) {
      append(out, panel.ids[u], *entry);
    }
  }
}

}  // namespace heavykeys::detail
