// Everything a find or finalize has to tell, for the files, the JSON and the table alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "heavykeys/heavykeys.hpp"
#include "tools/engine.hpp"

namespace heavykeys::tools {

/// What a page says of the attention that all of U holds: shares[i] of query queries[i], light keys included.
struct SetMass {
  std::vector<std::size_t> queries;  ///< ascending
  std::vector<double> shares;        ///< in [0, 1]
};

/// What was found for one head.
struct Finding {
  UniversalSet set;  ///< of a scan: never made, and empty
  std::optional<HeavyEntries> entries;
  std::optional<Audit> audit = std::nullopt;
  std::optional<std::size_t> verified = std::nullopt;  ///< queries that read the keys again; none: not asked
  std::optional<SetMass> mass = std::nullopt;          ///< only for a page
};

/// What a scan was asked: it has no universal set to say so.
struct ScanQuestion {
  Score score;
  double epsilon = 0.0;
  std::size_t dim = 0;
  std::uint64_t rows = 0;  ///< of each head
  std::string audited;     ///< the set of keys to audit; empty: none
  double tolerance = ScanOptions().tolerance;
};

/// How it was computed: times are of the first rank, memory of the one that needed most. Nothing here decides
/// a result.
struct RunInfo {
  std::string engine;
  std::optional<int> ranks;  ///< only of mpi
  int threads = 1;           ///< of each rank
  double absorb_seconds = 0.0;
  double merge_seconds = 0.0;  ///< of the ranks' sketches or scans
  double finalize_seconds = 0.0;
  double entries_seconds = 0.0;
  double verify_seconds = 0.0;
  std::optional<std::uint64_t> peak_memory_bytes;
};

struct Report {
  std::string verb;
  std::string input;    ///< the keys, or the state file
  std::string queries;  ///< empty: none
  bool causal = false;
  HeavyOptions entries;  ///< what was asked of them
  bool has_heads = false;
  std::size_t top = 10;
  std::optional<ScanQuestion> scan;  ///< only of a scan
  std::vector<Finding> heads;
  std::map<std::uint64_t, std::string> tokens;  ///< by row; only those that are shown
  RunInfo run;
};

struct TopEntry {
  std::size_t query;
  std::size_t index;  ///< into HeavyEntries::keys
};

/// What was asked, whoever was asked: n of a head, and of all the score, epsilon and d.
std::uint64_t row_count(const Report& report, const Finding& finding);
ScanQuestion question(const Report& report);

/// The audits of all heads as one; only the totals.
Audit total_audit(const Report& report);

/// Indices into ids() of the `top` largest leverages, the largest first, equal ones in row order.
std::vector<std::size_t> top_leverage(const UniversalSet& set, std::size_t top);

/// The `top` largest weights, the largest first, equal ones in query and key order.
std::vector<TopEntry> top_entries(const HeavyEntries& entries, std::size_t top);

/// The key row that query i was made from: known when the last query stands at the last key.
std::optional<std::uint64_t> row_of_query(const Report& report, const Finding& finding, std::size_t query);

/// Reads from the token file the names that will be shown, and those of `rows`.
void name_tokens(Report& report, const std::string& token_file, std::set<std::uint64_t> rows = {});

/// True when rows of more than the one unnamed stream were found.
bool has_streams(const Finding& finding);

}  // namespace heavykeys::tools
