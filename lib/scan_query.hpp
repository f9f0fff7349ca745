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

/// The sum of a block's terms lies in [lower, upper], in units of 2^unit.
struct BlockSum {
  double lower = 0.0;
  double upper = 0.0;
  std::int64_t unit = 0;
};

/// The sums are functions of the set of blocks added. The candidates are all keys that may reach `keep`, and
/// some that may not: those depend on when sweeps were made, and what is listed does not.
struct QueryScan {
  ScanSum lower, upper;  // the true sum lies between them
  std::vector<ScanCandidate> candidates;
  std::size_t settled = 0;  // candidates left by the last sweep
  // The lower sum is at least this: as it was when it was last asked for.
  double known = 0.0;
  std::int64_t known_unit = 0;

  /// Adds a block's sum. True when its keys need to be looked at: unless none, whose term + error is at most
  /// `greatest` units, can be heavy. `needed` is then what term + error must reach for a key to stay.
  bool add(const BlockSum& block, double greatest, double keep, double& needed);
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
