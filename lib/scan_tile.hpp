// A tile of queries and what one worker needs to bring blocks of keys to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lib/coarse_terms.hpp"
#include "lib/scan_query.hpp"
#include "lib/scan_terms.hpp"

namespace heavykeys::detail {

/// Keys of a block, and, where a scan takes a first look, as that takes them.
struct ScanBlock {
  void load(const Rows& keys, bool coarse);

  KeyBlock keys;
  CoarseKeys first_look;
};

class TileScanner {
 public:
  /// `keep` <= epsilon: as QueryScan takes it.
  TileScanner(const ScanScore& score, double epsilon, double keep, double tolerance, std::size_t dim);

  /// `first_look` null: the scan takes none. The queries are those from `begin` on there.
  void load(const Rows& queries, const CoarseQueries* first_look, std::size_t begin);

  /// Adds a block to the scans of the loaded queries, of which query i sees the first visible[i] keys.
  void add(const ScanBlock& block, std::span<const std::size_t> visible, std::span<QueryScan> scans);

 private:
  void look_first(const ScanBlock& block, std::span<const std::size_t> visible, std::span<QueryScan> scans);
  void look_at(const ScanBlock& block, std::size_t begin, std::size_t count, std::span<QueryScan> scans);
  void look_closely(const KeyBlock& block, std::span<const std::size_t> visible, std::span<QueryScan> scans);

  double keep_;
  QueryTile tile_;
  const CoarseQueries* first_look_ = nullptr;
  std::size_t begin_ = 0;
  std::vector<std::size_t> close_;        // queries of the tile that need a block in float64
  std::vector<double> gathered_;          // [close, d], where they are not all
  std::vector<CoarseLook> looks_;         // [tile]
  std::vector<CoarseTerm> coarse_terms_;  // [tile]
  CoarseTerms coarse_;
  BlockTerms terms_;
  AlignedVector<std::int32_t> integers_;  // [some of the tile, ld]
  AlignedVector<double> products_;        // [tile, ld]
};

}  // namespace heavykeys::detail
