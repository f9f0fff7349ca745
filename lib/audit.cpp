#include "heavykeys/audit.hpp"

#include <algorithm>
#include <cstddef>

namespace heavykeys {

Audit audit(const HeavyEntries& entries, std::span<const KeyId> keys) {
  std::vector<KeyId> set(keys.begin(), keys.end());
  std::sort(set.begin(), set.end());
  Audit out;
  for (std::size_t i = 0; i < entries.query_count(); ++i) {
    const auto begin = static_cast<std::size_t>(entries.indptr[i]);
    const auto end = static_cast<std::size_t>(entries.indptr[i + 1]);
    std::size_t covered = 0;
    double weight = 0.0, covered_weight = 0.0;
    for (std::size_t e = begin; e < end; ++e) {
      const bool has = std::binary_search(set.begin(), set.end(), entries.keys[e]);
      weight += entries.weights[e];
      if (!has) continue;
      ++covered;
      covered_weight += entries.weights[e];
    }
    out.shares.push_back(begin == end ? 1.0
                                      : static_cast<double>(covered) / static_cast<double>(end - begin));
    out.weight_shares.push_back(weight == 0.0 ? 1.0 : covered_weight / weight);
    out.entries += end - begin;
    out.covered += covered;
    out.weight += weight;
    out.covered_weight += covered_weight;
  }
  return out;
}

}  // namespace heavykeys
