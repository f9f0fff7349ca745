#include "lib/scan_query.hpp"

#include <algorithm>
#include <array>

#include "lib/kernels.hpp"

namespace heavykeys::detail {

namespace {

constexpr double kDown = 1.0 - 0x1p-40, kUp = 1.0 + 0x1p-40;
/// A key that is let go has term + error < kLoose epsilon (lower sum so far): then, whatever comes,
/// (term + error) / (lower sum) * kUp stays below epsilon, the bound that list() compares (docs/theory.md,
/// "Same bytes").
constexpr double kLoose = 1.0 - 0x1p-38;

/// What term + error must reach, in units of 2^unit, for a key to stay. None, where it could underflow.
double needed_of(const ScanSum& lower, std::int64_t unit, double epsilon) {
  const double least = lower.at_least(unit);
  return least < 0x1p-800 ? 0.0 : epsilon * least * kLoose;
}

}  // namespace

void QueryScan::add(const BlockTerms& block, std::uint64_t first_row, double epsilon) {
  lower.add(block.lower(), block.unit());
  upper.add(block.upper(), block.unit());
  const double needed = needed_of(lower, block.unit(), epsilon);
  // No error of one term is larger than that of all.
  const double threshold = std::max(0.0, (needed - block.sum_error() * kUp) * kDown);
  const Terms& terms = block.terms();
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): the first `count` are written below
  std::array<std::uint32_t, KeyBlock::kRows> found;
  const std::size_t count = select_at_least(terms.value.data(), block.visible(), threshold, found.data());
  for (std::size_t f = 0; f < count; ++f) {
    const double term = terms.value[found[f]], error = terms.error[found[f]];
    if (term == 0.0 || term + error < needed) continue;
    candidates.push_back({first_row + found[f], block.unit(), term, error});
  }
  sweep_when_due(epsilon);
}

void QueryScan::add(const QueryScan& other, double epsilon) {
  lower.add(other.lower);
  upper.add(other.upper);
  candidates.insert(candidates.end(), other.candidates.begin(), other.candidates.end());
  sweep_when_due(epsilon);
}

void QueryScan::sweep_when_due(double epsilon) {
  if (candidates.size() > 2 * settled + 32) sweep(epsilon);
}

void QueryScan::sweep(double epsilon) {
  if (!lower.empty()) {
    const std::int64_t unit = lower.top() * ScanSum::kBinBits;
    const double needed = needed_of(lower, unit, epsilon);
    std::erase_if(candidates, [&](const ScanCandidate& c) {
      return scale_far(c.term + c.error, c.unit - unit) < needed;
    });
  }
  settled = candidates.size();
}

void QueryScan::list(double epsilon, Mode mode, HeavyEntries& out) {
  if (upper.empty()) return;  // every f is 0: the weights are 0/0
  std::sort(candidates.begin(), candidates.end(),
            [](const ScanCandidate& a, const ScanCandidate& b) { return a.row < b.row; });
  // Relative to the lower sum, as sweep(): beside an upper one that is of no use it could underflow to 0.
  const std::int64_t unit = (lower.empty() ? upper : lower).top() * ScanSum::kBinBits;
  const double least = lower.at_least(unit), most = upper.at_most(unit), total = 0.5 * least + 0.5 * most;
  for (const ScanCandidate& c : candidates) {
    const double term = scale_far(c.term, c.unit - unit), error = scale_far(c.error, c.unit - unit);
    const double low = std::max(0.0, (term - error) / most * kDown);
    const double high = least > 0.0 ? std::min(1.0, (term + error) / least * kUp) : 1.0;
    if ((mode == Mode::no_false_negatives ? high : low) < epsilon) continue;
    out.keys.push_back({0, c.row});
    out.weights.push_back(std::min(1.0, term / total));
    out.lower.push_back(low);
    out.upper.push_back(high);
  }
}

}  // namespace heavykeys::detail
