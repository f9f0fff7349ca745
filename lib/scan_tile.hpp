// A tile of queries and what one worker needs to bring blocks of keys to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lib/coarse_tile.hpp"
#include "lib/scan_query.hpp"
#include "lib/scan_terms.hpp"

namespace heavykeys::detail {

/// Keys of a block, and, where a scan takes a first look, as that takes them.
struct ScanBlock {
  void load(const Rows& keys, bool coarse);

  KeyBlock keys;
  CoarseKeys first_look;
};

/// begin(), the blocks of a batch in ascending order, finish().
class TileScanner {
 public:
  /// `keep` <= epsilon: as QueryScan takes it.
  TileScanner(const ScanScore& score, double epsilon, double keep, double tolerance, std::size_t dim);

  /// `first_look` null: the scan takes none. The queries are those from `first` on there.
  void begin(const Rows& queries, const CoarseQueries* first_look, std::size_t first,
             std::span<QueryScan> scans);
  /// Adds a block to the scans of the queries, of which query i sees the first visible[i] keys. The block
  /// must stay where it is until finish().
  void add(const ScanBlock& block, std::span<const std::size_t> visible);
  void finish();

 private:
  void look_closely(const KeyBlock& block, std::span<const std::size_t> visible);

  double keep_;
  QueryTile tile_;
  std::span<QueryScan> scans_;
  bool looks_first_ = false;
  std::vector<std::size_t> close_;  // queries of the tile that need a block in float64
  std::vector<double> gathered_;    // [close, d], where they are not all
  CoarseTile coarse_;
  BlockTerms terms_;
  AlignedVector<double> products_;  // [tile, ld]
};

}  // namespace heavykeys::detail
