// From the rows of one block to its grid and its exact integer Gram matrix.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "heavykeys/rows.hpp"
#include "heavykeys/spec.hpp"
#include "lib/aligned.hpp"
#include "lib/gram_amx.hpp"

namespace heavykeys::detail {

/// Scratch for one block at a time; reused by one thread.
class BlockGram {
 public:
  explicit BlockGram(const Spec& spec);

  /// Reads the block once for its grid. `block` must stay valid for `panel`.
  /// Throws InvalidInput on NaN/Inf (row and column named).
  void fit(const Rows& block);

  /// fit, then the sums. `block` must stay valid for `panel`.
  /// Throws InvalidInput on NaN/Inf (row and column named).
  void compute(const Rows& block);

  const std::vector<int>& exponents() const { return exponents_; }
  const std::int64_t* sums() const { return sums_.data(); }  ///< [width, width], j >= i valid
  std::size_t width() const { return width_; }
  std::size_t rows() const { return block_.count; }

  /// Integers of rows [begin, begin + count) of the block last computed, [count, width];
  /// count <= kPanelRows. Valid until the next call.
  static constexpr std::size_t kPanelRows = AmxGram::kPanelRows;
  const std::int32_t* panel(std::size_t begin, std::size_t count);

 private:
  Spec spec_;
  std::size_t width_;
  Rows block_;  // the caller's rows, or floats_ when they had to be converted
  AlignedVector<float> floats_;
  std::vector<int> exponents_;
  AlignedVector<std::int32_t> panel_;
  AlignedVector<std::int64_t> sums_;
  std::unique_ptr<AmxGram> amx_;
};

}  // namespace heavykeys::detail
