// What a page shows of a head, as numbers: bins, cells and totals, bounded whatever the head's size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "tools/report.hpp"

namespace heavykeys::tools {

/// Positions 0 .. count - 1 in bins of equal width; the last may be short.
struct Binning {
  std::uint64_t count = 0;
  std::uint64_t width = 1;

  /// At most `most` bins, at least one wide.
  static Binning of(std::uint64_t count, std::uint64_t most);
  std::size_t size() const { return static_cast<std::size_t>((count + width - 1) / width); }
  std::size_t bin(std::uint64_t position) const { return static_cast<std::size_t>(position / width); }
  std::uint64_t begin(std::size_t bin) const { return bin * width; }
  std::uint64_t end(std::size_t bin) const;
};

struct LeverageBin {
  std::size_t keys = 0;  ///< of U
  double greatest = 0.0;
  KeyId at;  ///< the first key that has it
};

struct LeverageBins {
  Binning rows;
  std::vector<LeverageBin> bins;
};

struct MapCell {
  std::size_t entries = 0;
  double greatest = 0.0;  ///< weight
  std::size_t query = 0;  ///< of the first entry with it
  KeyId key;
};

/// Heavy entries, queries down and keys across.
struct EntryMap {
  Binning queries, keys;
  std::vector<MapCell> cells;  ///< [queries.size(), keys.size()] row-major

  const MapCell& cell(std::size_t query_bin, std::size_t key_bin) const {
    return cells[query_bin * keys.size() + key_bin];
  }
  std::size_t filled() const;  ///< cells that have entries
};

/// counts[i] values in edges[i] <= v < edges[i + 1]; the last bin holds its upper edge as well.
struct Histogram {
  std::vector<double> edges;
  std::vector<std::uint64_t> counts;
};

/// Steps of 1, 2 or 5 times a power of ten, at most `most` of them between the two; at least one.
double nice_step(double low, double high, std::size_t most);

/// About 20 bins of a round width. No values: no bins.
Histogram histogram(const std::vector<double>& values);
Histogram histogram(const std::vector<double>& values, const std::vector<double>& edges);

/// How much of each query's attention goes to its heavy entries: the sum of their weights.
struct EntryShares {
  std::vector<double> shares;                 ///< [m]; 0 for a query without entries
  std::size_t with_entries = 0;               ///< queries that have one
  double mean = 0.0, median = 0.0;            ///< over all queries
  double mean_lower = 0.0, mean_upper = 0.0;  ///< of the sums of certified bounds, each at most 1
};

EntryShares entry_shares(const HeavyEntries& entries);

/// One key: what is known of it from U, and what the queries give it.
struct KeyTotal {
  KeyId id;
  std::optional<double> leverage = {};  ///< none: not in U
  int layer = 1;
  std::size_t queries = 0;  ///< for which it is heavy
  double weight = 0.0;      ///< sum over them
  double greatest = 0.0;
  std::size_t query = 0;  ///< the first that gives it most
};

/// Every key with an entry, in order of id.
std::vector<KeyTotal> key_totals(const Finding& finding);

LeverageBins leverage_bins(const Report& report, const Finding& finding, std::uint64_t most);
EntryMap entry_map(const Report& report, const Finding& finding, std::uint64_t most_queries,
                   std::uint64_t most_keys);

/// The `top` keys of greatest leverage, and those that are heavy for most queries (then: of greatest weight).
std::vector<KeyTotal> keys_by_leverage(const Finding& finding, const std::vector<KeyTotal>& totals,
                                       std::size_t top);
std::vector<KeyTotal> keys_by_queries(std::vector<KeyTotal> totals, std::size_t top);

}  // namespace heavykeys::tools
