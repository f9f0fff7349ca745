// A stream of keys of which any part can be made anywhere: row i is a function of the seed and i alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace heavykeys::bench {

/// Keys of independent entries, N(0, 1) in 65,536 steps, and `planted` long ones among them, evenly spread.
/// The planted keys are the same whatever `rows`, and their leverage is nearly so: they are 4,096 times as
/// long as the rest.
struct CounterRows {
  std::uint64_t rows = 0;
  std::size_t dim = 0;
  std::size_t planted = 40;
  std::uint64_t seed = 1;

  /// Fills out [count, dim] with the rows from `first`.
  void fill(float* out, std::uint64_t first, std::size_t count) const;

  /// Where the planted ones are, ascending.
  std::vector<std::uint64_t> planted_rows() const;
};

/// Where the share of `rank` begins when the rows of a stream are cut into `ranks` shares of about one
/// length; rank = ranks gives the end. Where in its block of 4,096 rows a cut lies does not depend on `rows`:
/// streams of two lengths have border blocks alike.
std::uint64_t cut_of(std::uint64_t rows, int rank, int ranks);

}  // namespace heavykeys::bench
