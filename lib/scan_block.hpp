// Keys and queries of the scan, scaled by powers of two so that no product of theirs overflows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "heavykeys/rows.hpp"
#include "lib/aligned.hpp"
#include "lib/dyadic.hpp"

namespace heavykeys::detail {

/// Rows of a scaled key or query whose nonzero elements are not all above this may lose products to
/// underflow.
inline constexpr double kWideRow = 0x1p-400;

/// Keys [first_id, first_id + count) of the scan, count <= kRows. Blocks begin at multiples of kRows.
struct KeyBlock {
  static constexpr std::size_t kRows = 256;

  /// Takes these keys in place of what it held. Memory is kept from block to block: threads that free what
  /// others allocated, batch after batch, would make the heap grow with n.
  void load(const Rows& keys);

  std::uint64_t first_id = 0;
  std::size_t count = 0;
  std::size_t ld = 0;             // count, padded
  std::vector<double> raw;        // [count, d]
  AlignedVector<double> columns;  // [d, ld]: key u times 2^-exponent[u], transposed, zero beyond count
  std::vector<int> exponent;      // [count]; all the same when `common`; 0 for a row of zeros
  AlignedVector<double> norm;     // [ld]: upper bounds of the scaled keys' 2-norms, 0 for a zero key
  std::vector<bool> wide;         // [count]
  bool common = true;
  int top = 0;  // the greatest exponent: |element| < 2^top

 private:
  void scale_columns(std::size_t first, std::size_t dim);

  std::vector<double> zeros_;  // [d]
};

/// A tile of queries: the more there are, the less often keys come from the outer caches.
struct QueryTile {
  static constexpr std::size_t kMostQueries = 64;

  void load(const Rows& queries);  ///< as KeyBlock::load

  std::size_t dim = 0;
  std::vector<double> raw;     // [count, d]
  std::vector<double> scaled;  // [count and some, d]: query i times 2^-exponent[i]
  std::vector<int> exponent;
  std::vector<double> norm;  // upper bounds of the 2-norms of `scaled`
  std::vector<bool> wide;
};

/// e with |x_i| < 2^e for all elements of a row, the least such; kZeroRow for a row of zeros.
inline constexpr int kZeroRow = -1'000'000;
int row_exponent(const double* row, std::size_t dim);

/// sum_i q_i k_i.
Dyadic exact_product(const double* q, const double* k, std::size_t dim);

}  // namespace heavykeys::detail
