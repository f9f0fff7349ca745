// Which queries of a list of entries have to be verified, and which of them together.
#pragma once

#include <cstddef>
#include <vector>

#include "heavykeys/heavy_entries.hpp"
#include "heavykeys/scan.hpp"

namespace heavykeys::detail {

/// Throws InvalidInput unless these can be entries of `queries` queries to options.key_count keys of stream
/// 0.
void check_found(const HeavyEntries& found, std::size_t queries, const ScanOptions& options);

/// Queries with an entry that may not be heavy, or whose weight is not known well enough; ascending.
std::vector<std::size_t> undecided_queries(const HeavyEntries& found, double epsilon);

struct QueryRun {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Runs of consecutive queries that cover `queries` (ascending, not empty), cut at the widest gaps. A causal
/// scan wants consecutive queries, and each scan reads every key and has its own buffers: a gap of a few
/// queries costs less than another scan, and there are at most 16.
std::vector<QueryRun> query_runs(const std::vector<std::size_t>& queries);

/// Appends the entries of one query of `from`.
void append(HeavyEntries& out, const HeavyEntries& from, std::size_t query);

}  // namespace heavykeys::detail
