#include "tools/shares.hpp"

#include <algorithm>
#include <utility>

namespace heavykeys::tools {
namespace {

using Wide = unsigned __int128;  // heads times blocks may pass 64 bits before a stream is refused

/// Blocks that a range touches.
std::uint64_t block_count(const Range& range, std::size_t block_rows) {
  return (range.end - 1) / block_rows - range.begin / block_rows + 1;
}

/// Where the share of `rank` begins, of `total` blocks; that of rank `ranks` is the end of the last.
Wide first_block(Wide total, int ranks, int rank) {
  const auto count = static_cast<Wide>(ranks);
  const auto r = static_cast<Wide>(rank);
  return total / count * r + std::min(r, total % count);
}

}  // namespace

Share::Share(Work work, int ranks, int rank) : work_(std::move(work)) {
  for (const Range& range : work_.rows) head_blocks_ += block_count(range, work_.block_rows);
  const Wide total = Wide{work_.heads} * head_blocks_;
  const Wide begin = first_block(total, ranks, rank), end = first_block(total, ranks, rank + 1);
  begin_head_ = end_head_ = work_.first_head;
  if (begin == end) return;
  begin_head_ += static_cast<std::size_t>(begin / head_blocks_);
  end_head_ += static_cast<std::size_t>((end - 1) / head_blocks_) + 1;
  first_skipped_ = static_cast<std::uint64_t>(begin % head_blocks_);
  last_taken_ = static_cast<std::uint64_t>((end - 1) % head_blocks_) + 1;
}

std::vector<Range> Share::rows(std::size_t head) const {
  std::vector<Range> rows;
  if (head < begin_head_ || head >= end_head_) return rows;
  std::uint64_t skip = head == begin_head_ ? first_skipped_ : 0;
  std::uint64_t stop = head + 1 == end_head_ ? last_taken_ : head_blocks_;
  for (const Range& range : work_.rows) {
    const std::uint64_t count = block_count(range, work_.block_rows);
    const std::uint64_t base = range.begin / work_.block_rows;
    const std::uint64_t from = std::min(skip, count), to = std::min(stop, count);
    if (from < to) {
      rows.push_back({from == 0 ? range.begin : (base + from) * work_.block_rows,
                      to == count ? range.end : (base + to) * work_.block_rows});
    }
    skip -= from;
    stop -= to;
  }
  return rows;
}

std::uint64_t Share::row_count() const {
  if (begin_head_ == end_head_) return 0;
  const std::uint64_t first = tools::row_count(rows(begin_head_));
  const std::size_t heads = end_head_ - begin_head_;
  if (heads == 1) return first;
  return first + (heads - 2) * tools::row_count(work_.rows) + tools::row_count(rows(end_head_ - 1));
}

Holders holders(const Work& work, int ranks, std::size_t head) {
  Holders found{-1, -1};
  for (int r = 0; r < ranks; ++r) {
    const Share share(work, ranks, r);
    if (head < share.begin_head() || head >= share.end_head()) continue;
    if (found.first < 0) found.first = r;
    found.last = r;
  }
  return found;
}

std::uint64_t row_count(const std::vector<Range>& ranges) {
  std::uint64_t count = 0;
  for (const Range& range : ranges) count += range.end - range.begin;
  return count;
}

std::vector<Range> take_rows(std::vector<Range>& ranges, std::uint64_t rows) {
  std::vector<Range> taken;
  std::size_t used = 0;
  for (Range& range : ranges) {
    const std::uint64_t take = std::min(rows, range.end - range.begin);
    if (take == 0) break;
    taken.push_back({range.begin, range.begin + take});
    rows -= take;
    range.begin += take;
    if (range.begin != range.end) break;
    ++used;
  }
  ranges.erase(ranges.begin(), ranges.begin() + static_cast<std::ptrdiff_t>(used));
  return taken;
}

std::vector<Range> without(const Range& range, std::vector<Range> taken) {
  std::ranges::sort(taken, {}, &Range::begin);
  std::vector<Range> rest;
  std::uint64_t at = range.begin;
  for (const Range& gone : taken) {
    if (gone.begin >= range.end) break;
    if (gone.begin > at) rest.push_back({at, gone.begin});
    at = std::max(at, gone.end);
  }
  if (at < range.end) rest.push_back({at, range.end});
  return rest;
}

}  // namespace heavykeys::tools
