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
};

/// The sums are functions of the set of blocks added. The candidates are all keys that list() could name, and
/// some that it could not: those depend on when sweeps were made, and what is listed does not.
struct QueryScan {
  ScanSum lower, upper;  // the true sum lies between them
  std::vector<ScanCandidate> candidates;
  std::size_t settled = 0;  // candidates left by the last sweep

  void add(const BlockTerms& block, std::uint64_t first_row, double epsilon);
  /// Adds what was added to `other`: blocks that were not added to this.
  void add(const QueryScan& other, double epsilon);
  /// Lets go of the candidates that sums have outgrown; at most about 1 / epsilon are left.
  void sweep(double epsilon);
  /// Sweeps when there are many more candidates than the last sweep left.
  void sweep_when_due(double epsilon);
  /// Appends the entries, rows ascending; the sums are final. Sorts the candidates.
  void list(double epsilon, Mode mode, HeavyEntries& out);
};

}  // namespace heavykeys::detail
