// What a Scan holds, for the code that may look inside.
#pragma once

#include "lib/absorb_plan.hpp"
#include "lib/scan_pass.hpp"

namespace heavykeys::detail {

/// The value of a scan is a function of the set of rows absorbed. A backend brings shards together as merge()
/// does, or natively: it moves `fragments` to where they complete their blocks (absorb_with, on a scan whose
/// `coverage` lacks them), has the last of them scanned by scan_waiting(), adds `pass` up, and makes
/// `coverage` that of all.
struct ScanState {
  ScanState(const Score& score, double epsilon, const Rows& queries, const ScanOptions& options)
      : pass(score, epsilon, queries, options), batch_rows(scan_batch_rows(queries.dim)) {}

  ScanPass pass;             // complete batches
  std::uint64_t batch_rows;  // rows of a batch: what AbsorbPlan takes for blocks
  Coverage coverage;
  Fragments fragments;
  bool finished = false;

  bool announced() const { return pass.options().causal || pass.options().key_count > 0; }
  /// All row ids are below this.
  std::uint64_t end() const { return announced() ? pass.options().key_count : kMostRows; }
};

struct ScanAccess {
  static ScanState& state(Scan& scan) { return *scan.state_; }
  static const ScanState& state(const Scan& scan) { return *scan.state_; }
};

/// Scans the rows that wait, when there are `key_count` in all and those of the batches that are not complete
/// are here. Throws InvalidInput, nothing changed, when a run of them neither fills whole key blocks nor ends
/// with the last row.
void scan_waiting(ScanState& state, std::uint64_t key_count, const Workers& workers);

}  // namespace heavykeys::detail
