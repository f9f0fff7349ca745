// The exact Gram matrix of a block's lifted rows.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/aligned.hpp"
#include "lib/block_gram.hpp"
#include "lib/exact_gram.hpp"
#include "lib/lift.hpp"

namespace heavykeys::detail {

/// Column exponents of the lift of a block with these: sums over the factors. Lower degrees are brought to
/// the units of the top degree.
std::vector<int> lifted_exponents(const Lift& lift, int grid_bits, const std::vector<int>& base);

/// A product of s gridded integers has s P bits: s digits of P bits, balanced, so that the products of two
/// digits sum exactly in float64 as those of plain keys do. Scratch for one thread.
///
/// Cost: O(s^2 D^2) multiply-adds a row. Memory: D^2 int64 and 2 x 512 x D doubles.
class LiftedGram {
 public:
  LiftedGram(const Lift& lift, int grid_bits);

  /// Adds the block last fitted.
  void add(BlockGram& block, ExactGram& gram);

  /// The block's own Gram matrix in float64: entry (i, j), i <= j, at i * size + j, in units of its exponents
  /// (2^(e_i + e_j - 2 s P)). Error at most 4 s^2 2^-52 sqrt(S_ii S_jj).
  const std::vector<double>& block_sums() const { return block_sums_; }

 private:
  void pack(BlockGram& block, std::size_t first, std::size_t count, int digit, AlignedVector<double>& out);

  const Lift& lift_;
  int grid_bits_;
  std::size_t strips_;
  AlignedVector<double> left_, right_;
  AlignedVector<std::int64_t> sums_;
  std::vector<double> block_sums_;
  std::vector<Int128> integers_, lifted_;
};

}  // namespace heavykeys::detail
