// Keys as integers of 16 bits: which of them a query can reach is told before any product in float64
// (docs/theory.md, "A first look").
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lib/aligned.hpp"
#include "lib/coarse_rows.hpp"

namespace heavykeys::detail {

/// All keys of a panel, with one step for all.
class CoarsePanel {
 public:
  /// Columns [dim, ld] of `count` keys with |elements| <= 1 and 2-norms up to `norm`.
  CoarsePanel(const double* columns, std::size_t dim, std::size_t ld, std::size_t count, double norm);

  /// False for keys near the end of the range of doubles.
  bool is_usable() const { return size_.usable; }

  /// |elements| < 2, 2-norm at most `norm`; wanted are the keys with |query . key| >= least.
  struct Query {
    const double* row = nullptr;
    double norm = 0.0;
    double least = 0.0;
  };
  /// reached[i], ascending: all keys that query i wants, and some that it does not.
  void reach(std::span<const Query> queries, std::vector<std::vector<std::uint32_t>>& reached) const;

 private:
  std::int32_t least_product(const Query& query, const CoarseSize& size) const;

  std::size_t dim_, ld_, count_;
  AlignedVector<std::int16_t> panel_;
  CoarseSize size_;
};

}  // namespace heavykeys::detail
