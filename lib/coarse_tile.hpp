// What a batch of keys is to a tile of queries of softmax, at a first look: integer products and float32
// exponentials (docs/theory.md, "A first look").
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lib/coarse_kernels.hpp"
#include "lib/coarse_rows.hpp"
#include "lib/scan_query.hpp"
#include "lib/scan_score.hpp"

namespace heavykeys::detail {

/// Below this tolerance of a scan nothing is worth a first look.
inline constexpr double kCoarseTolerance = 0x1p-14;

/// A scan that takes first looks keeps keys down to this part of epsilon: the terms of candidates are known
/// in float64, and the more of the sum they are, the better that is known.
inline constexpr double kKeptShare = 0.5;

/// Looks from one worker: begin(), the blocks of a batch in ascending order, finish().
class CoarseTile {
 public:
  CoarseTile(const ScanScore& score, double tolerance, double keep, std::size_t dim);

  /// Query i of the tile is number first + i of `queries`. All of these must stay where they are.
  void begin(const QueryTile& tile, const CoarseQueries& queries, std::size_t first,
             std::span<QueryScan> scans);
  /// Query i sees the first visible[i] keys of the block. Appends to `close` the queries that are not done:
  /// the integers would be too coarse. The block must stay where it is until finish().
  void look(const KeyBlock& block, const CoarseKeys& keys, std::span<const std::size_t> visible,
            std::vector<std::size_t>& close);
  /// Adds what was seen to the scans. The sum that a query's scan gets is a function of the query, the batch,
  /// how much of it the query sees, and the tolerance; a candidate's term is one of the query and the key,
  /// and its spares are of the block too.
  void finish();

 private:
  /// How a query is to look at a block.
  struct Look {
    bool suits = false;       // false when too much would be lost
    bool far = false;         // as CoarseTerm
    float factor = 0.0f;      // an integer product times this is a logit, in powers of two
    double wrong = 0.0;       // relative error of terms and of their sum
    double fine_wrong = 0.0;  // of a term in float64
  };
  /// The sum of a query's terms: of all before this batch at least `before`, in this between the others.
  struct Seen {
    double before = 0.0, lower = 0.0, upper = 0.0;
  };
  /// A key that may stay a candidate, by its integers.
  struct Found {
    std::uint32_t query = 0;
    std::uint32_t key = 0;
    const KeyBlock* block = nullptr;
    double wrong = 0.0;
    double term = 0.0;
  };

  Look look_at(const CoarseSize& query, const CoarseSize& keys) const;
  void choose(const CoarseSize& keys, std::span<const std::size_t> visible, std::vector<std::size_t>& close);
  void look_together(const KeyBlock& block, const CoarseKeys& keys, std::size_t begin, std::size_t count);
  double needed(std::size_t i) const;
  void find(std::size_t i, const KeyBlock& block, const std::int32_t* products);
  void settle();
  void settle(std::span<const Found> found);

  ScanScore score_;
  double tolerance_;
  double keep_;
  double scale_;          // |logit| = scale |q.k|
  double product_error_;  // of q.k in float64, relative to the norms
  const QueryTile* tile_ = nullptr;
  const CoarseQueries* queries_ = nullptr;
  std::size_t first_ = 0;
  std::span<QueryScan> scans_;
  std::vector<Look> looks_;        // [tile]
  std::vector<CoarseTerm> terms_;  // [tile]
  std::vector<Seen> seen_;         // [tile]
  std::vector<Found> found_;
  AlignedVector<std::int32_t> products_;  // [some of the tile, ld]
  std::vector<std::uint32_t> likely_;     // of one query and block
  std::vector<float> likely_terms_;
  std::vector<const double*> query_rows_, key_rows_;  // of some that were found
  Arguments arguments_;
  Terms fine_;
};

}  // namespace heavykeys::detail
