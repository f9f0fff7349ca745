#include "lib/scan_query.hpp"

#include <algorithm>
#include <array>

#include "lib/kernels.hpp"

namespace heavykeys::detail {

namespace {

constexpr double kDown = 1.0 - 0x1p-40, kUp = 1.0 + 0x1p-40;

}  // namespace

void QueryScan::add(const BlockTerms& block, std::uint64_t first_row, double keep) {
  lower.add(block.lower(), block.unit());
  upper.add(block.upper(), block.unit());
  const double needed = needed_to_stay(lower.at_least(block.unit()), keep);
  // No error of one term is larger than that of all.
  const double threshold = std::max(0.0, (needed - block.sum_error() * kUp) * kDown);
  const Terms& terms = block.terms();
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): the first `count` are written below
  std::array<std::uint32_t, KeyBlock::kRows> found;
  const std::size_t count = select_at_least(terms.value.data(), block.visible(), threshold, found.data());
  for (std::size_t f = 0; f < count; ++f) {
    const double term = terms.value[found[f]], error = terms.error[found[f]];
    if (term == 0.0 || term + error < needed) continue;
    candidates.push_back({.row = first_row + found[f], .unit = block.unit(), .term = term, .error = error});
  }
  sweep_when_due(keep);
}

void QueryScan::add(const QueryScan& other, double keep) {
  lower.add(other.lower);
  upper.add(other.upper);
  candidates.insert(candidates.end(), other.candidates.begin(), other.candidates.end());
  sweep_when_due(keep);
}

void QueryScan::sweep_when_due(double keep) {
  if (candidates.size() > 2 * settled + 32) sweep(keep);
}

void QueryScan::sweep(double keep) {
  if (!lower.empty()) {
    const std::int64_t unit = lower.top() * ScanSum::kBinBits;
    const double needed = needed_to_stay(lower.at_least(unit), keep);
    std::erase_if(candidates, [&](const ScanCandidate& c) {
      return scale_far(c.term + c.error, c.unit - unit) < needed;
    });
  }
  settled = candidates.size();
}

void QueryScan::list(double epsilon, double keep, Mode mode, HeavyEntries& out) {
  if (upper.empty()) return;  // every f is 0: the weights are 0/0
  std::sort(candidates.begin(), candidates.end(),
            [](const ScanCandidate& a, const ScanCandidate& b) { return a.row < b.row; });
  // Relative to the lower sum, as sweep(): beside an upper one that is of no use it could underflow to 0.
  const std::int64_t unit = (lower.empty() ? upper : lower).top() * ScanSum::kBinBits;
  const SumBounds sum = bounds(unit, keep);
  const double total = 0.5 * sum.least + 0.5 * sum.most;
  for (const ScanCandidate& c : candidates) {
    const double term = scale_far(c.term, c.unit - unit), error = scale_far(c.error, c.unit - unit);
    const double low = std::max(0.0, (term - error) / sum.most * kDown);
    const double high = sum.least > 0.0 ? std::min(1.0, (term + error) / sum.least * kUp) : 1.0;
    if ((mode == Mode::no_false_negatives ? high : low) < epsilon) continue;
    out.keys.push_back({0, c.row});
    out.weights.push_back(std::min(1.0, term / total));
    out.lower.push_back(low);
    out.upper.push_back(high);
  }
}

/// Bounds of the sum in units of 2^unit, narrowed by the candidates that may reach `keep`: none of those was
/// ever let go, so that they are a function of the blocks. The candidates are sorted.
QueryScan::SumBounds QueryScan::bounds(std::int64_t unit, double keep) const {
  const double least = lower.at_least(unit), most = upper.at_most(unit);
  double below = 0.0, above = 0.0;
  for (const ScanCandidate& c : candidates) {
    if (scale_far(c.term + c.error, c.unit - unit) * kUp < keep * least) continue;
    below += scale_far(c.spare_below, c.unit - unit);
    above += scale_far(c.spare_above, c.unit - unit);
  }
  if (below == 0.0 && above == 0.0) return {least, most};
  // Up to 2^32 candidates: their sums, and what is left of the bounds, are right to 2^-20 of the spares.
  return {(least + below * (1.0 - 0x1p-20)) * kDown, (most - above * (1.0 - 0x1p-20)) * kUp};
}

}  // namespace heavykeys::detail
