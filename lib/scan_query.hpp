// One query of a scan: bounds of its sum, and the keys that may still be heavy for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "heavykeys/heavy_entries.hpp"
#include "lib/scan_sum.hpp"
#include "lib/scan_terms.hpp"

namespace heavykeys::detail {

/// |term - true| <= error, both in units of 2^unit.
struct ScanCandidate {
  std::uint64_t row = 0;
  std::int64_t unit = 0;
  double term = 0.0;
  double error = 0.0;
  // What the lower sum can be raised by, and the upper lowered, as this term is known better than its block.
  double spare_below = 0.0;
  double spare_above = 0.0;
};

/// What term + error must reach for a key to stay, in the units of the lower sum so far. None, where it could
/// underflow. A key that is let go has term + error < kLoose keep (lower sum so far): then, whatever comes,
/// (term + error) / (lower sum) * (1 + 2^-40) stays below keep, the bound that list() compares
/// (docs/theory.md, "Same bytes").
inline double needed_to_stay(double lower, double keep) {
  constexpr double kLoose = 1.0 - 0x1p-38;
  return lower < 0x1p-800 ? 0.0 : keep * lower * kLoose;
}

/// The sums are functions of the set of blocks added. The candidates are all keys that may reach `keep`, and
/// some that may not: those depend on when sweeps were made, and what is listed does not.
struct QueryScan {
  ScanSum lower, upper;  // the true sum lies between them
  std::vector<ScanCandidate> candidates;
  std::size_t settled = 0;  // candidates left by the last sweep

  /// Adds a block: its sum, and its keys that may be heavy.
  void add(const BlockTerms& block, std::uint64_t first_row, double keep);
  /// Adds what was added to `other`: blocks that were not added to this.
  void add(const QueryScan& other, double keep);
  /// Lets go of the candidates that sums have outgrown; at most about 1 / keep are left.
  void sweep(double keep);
  /// Sweeps when there are many more candidates than the last sweep left.
  void sweep_when_due(double keep);
  /// Appends the entries, rows ascending; the sums are final, keep <= epsilon. Sorts the candidates.
  void list(double epsilon, double keep, Mode mode, HeavyEntries& out);

 private:
  struct SumBounds {
    double least = 0.0, most = 0.0;
  };
  SumBounds bounds(std::int64_t unit, double keep) const;
};

}  // namespace heavykeys::detail
