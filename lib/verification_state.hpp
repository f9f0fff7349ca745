// What a Verification holds, for the code that may look inside.
#pragma once

#include <deque>
#include <vector>

#include "heavykeys/verification.hpp"
#include "lib/absorb_plan.hpp"
#include "lib/scan_pass.hpp"

namespace heavykeys::detail {

/// Queries that are scanned together.
struct VerificationRun {
  VerificationRun(const Spec& spec, const Rows& all, std::vector<std::size_t> chosen,
                  const ScanOptions& options);

  std::vector<std::size_t> queries;  // ascending
  RowStore rows;                     // theirs; never moved, the pass reads them
  ScanPass pass;                     // of gridded keys; its options say how many the last of them sees
};

/// Shards are brought together as those of a ScanState are: rows that wait first, then the pass of each run.
/// Runs depend on `found` alone, and are the same for all.
struct VerificationState {
  VerificationState(const Spec& s, HeavyEntries f, const ScanOptions& o);

  Spec spec;
  HeavyEntries found;
  ScanOptions options;
  std::uint64_t batch_rows;            // whole grid blocks and whole key blocks
  std::vector<std::size_t> undecided;  // queries, ascending
  std::deque<VerificationRun> runs;
  Coverage coverage;
  Fragments fragments;          // raw
  std::vector<double> gridded;  // [batch_rows, dim], of one batch at a time
  bool finished = false;

  /// All row ids are below this: the last batch is complete with the last row.
  std::uint64_t end() const { return options.key_count; }
};

struct VerificationAccess {
  static VerificationState& state(Verification& v) { return *v.state_; }
  static const VerificationState& state(const Verification& v) { return *v.state_; }
};

}  // namespace heavykeys::detail
