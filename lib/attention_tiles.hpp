// Queries handed out to workers a tile at a time, and the keys a worker keeps gathered between tiles.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "lib/attention_rows.hpp"

namespace heavykeys::detail {

/// Queries to a task: enough that gathering its keys costs little beside multiplying by them.
inline constexpr std::size_t kTileLanes = 4 * kStripWidth;

/// Neighbouring lanes of one unit.
struct QueryTile {
  std::size_t unit = 0, first = 0, count = 0;

  static std::size_t total(const AttentionShape& s) { return s.units() * tiles_of_unit(s); }
  static QueryTile number(const AttentionShape& s, std::size_t task) {
    const std::size_t first = task % tiles_of_unit(s) * kTileLanes;
    return {task / tiles_of_unit(s), first, std::min(kTileLanes, s.lanes() - first)};
  }
  /// body(first lane, count) for each strip.
  template <class Body>
  void for_strips(Body body) const {
    for (std::size_t at = 0; at < count; at += kStripWidth)
      body(first + at, std::min(kStripWidth, count - at));
  }

 private:
  static std::size_t tiles_of_unit(const AttentionShape& s) {
    return (s.lanes() + kTileLanes - 1) / kTileLanes;
  }
};

/// The keys of the tile a worker is at. Without a mask they are those of the unit, and stay for its next
/// tile.
template <class T>
class GatheredKeys {
 public:
  const KeyRows<T>& of(const AttentionShape& shape, const TensorView& k, const TensorView& v,
                       const KeySets& sets, const QueryTile& tile) {
    if (shape.options.causal || !held_ || unit_ != tile.unit) {
      held_ = false;
      rows_.list = attended_keys(shape, sets, tile.unit, shape.position(tile.first),
                                 shape.position(tile.first + tile.count - 1));
      rows_.gather(shape, k, v, tile.unit);
      unit_ = tile.unit;
      held_ = true;
    }
    return rows_;
  }

 private:
  KeyRows<T> rows_;
  std::size_t unit_ = 0;
  bool held_ = false;
};

}  // namespace heavykeys::detail
