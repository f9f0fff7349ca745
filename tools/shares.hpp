// Who reads which rows: the work of a pass, cut into even shares.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace heavykeys::tools {

/// Rows begin <= row < end.
struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  friend bool operator==(const Range&, const Range&) = default;
};

/// The rows a pass reads: the same ones of each of some heads.
struct Work {
  std::size_t first_head = 0;
  std::size_t heads = 1;
  std::vector<Range> rows;  ///< ascending, apart, none empty
  std::size_t block_rows = 1;
};

/// What one rank reads of it. The blocks of all heads, one head after the other, are dealt out in order, as
/// evenly as whole blocks can be: so a few long heads are split by rows, and many short ones by heads.
/// Nothing here grows with the number of heads: the header of a stream may promise any.
class Share {
 public:
  Share(Work work, int ranks, int rank);
  /// All of it, for one reader.
  explicit Share(Work work) : Share(std::move(work), 1, 0) {}

  /// Heads with rows in this share; begin == end when it is empty.
  std::size_t begin_head() const { return begin_head_; }
  std::size_t end_head() const { return end_head_; }
  /// The rows of this head that are in the share: ascending, each range ends at the end of a block or where
  /// the work does.
  std::vector<Range> rows(std::size_t head) const;
  std::uint64_t row_count() const;
  std::size_t block_rows() const { return work_.block_rows; }

 private:
  Work work_;
  std::uint64_t head_blocks_ = 0;  // of each head
  std::size_t begin_head_ = 0, end_head_ = 0;
  std::uint64_t first_skipped_ = 0;  // blocks of begin_head_ that are before the share
  std::uint64_t last_taken_ = 0;     // blocks of end_head_ - 1 up to its end
};

/// The first and the last rank with rows of this head. The work must have rows.
struct Holders {
  int first = 0;
  int last = 0;
};
Holders holders(const Work& work, int ranks, std::size_t head);

std::uint64_t row_count(const std::vector<Range>& ranges);

/// Takes the first `rows` rows out of the ranges.
std::vector<Range> take_rows(std::vector<Range>& ranges, std::uint64_t rows);

/// The rows of `range` that are in none of `taken`, which may come in any order and overlap.
std::vector<Range> without(const Range& range, std::vector<Range> taken);

}  // namespace heavykeys::tools
