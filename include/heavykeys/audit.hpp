// How much of the heavy attention a set of keys holds: an answer checked against what was found.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "heavykeys/heavy_entries.hpp"
#include "heavykeys/rows.hpp"

namespace heavykeys {
#pragma GCC visibility push(default)

/// Coverage of heavy entries by a set of keys: of their number, and of their weight.
struct Audit {
  std::uint64_t entries = 0;    ///< heavy entries of all queries
  std::uint64_t covered = 0;    ///< those whose key is in the set
  double weight = 0.0;          ///< sum of the weights of all heavy entries
  double covered_weight = 0.0;  ///< sum of the weights of those covered
  std::vector<double>
      shares;  ///< [m] covered / entries of each query; 1 without heavy entries: none is missed
  std::vector<double> weight_shares;  ///< [m] likewise by weight

  /// Of all entries; 1 when there are none.
  double share() const {
    return entries == 0 ? 1.0 : static_cast<double>(covered) / static_cast<double>(entries);
  }
  /// Likewise by weight.
  double weight_share() const { return weight == 0.0 ? 1.0 : covered_weight / weight; }
  friend bool operator==(const Audit&, const Audit&) = default;
};

/// Audits `keys` (any order; repetitions count once) against `entries`.
/// Cost: O((nnz + |keys|) log |keys|). Workspace: O(m + |keys|).
Audit audit(const HeavyEntries& entries, std::span<const KeyId> keys);

#pragma GCC visibility pop

}  // namespace heavykeys
