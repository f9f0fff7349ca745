#include "lib/coverage.hpp"

#include <algorithm>

namespace heavykeys::detail {

namespace {

/// First range that ends after `row`.
template <class Ranges>
auto at_or_after(Ranges& ranges, std::uint64_t row) {
  return std::partition_point(ranges.begin(), ranges.end(), [row](const Range& r) { return r.end <= row; });
}

}  // namespace

bool Coverage::overlaps(std::uint64_t stream, Range range, Range* overlap) const {
  const auto it = streams_.find(stream);
  if (it == streams_.end() || it->second.empty() || it->second.back().end <= range.begin) return false;
  const auto hit = at_or_after(it->second, range.begin);
  if (hit == it->second.end() || hit->begin >= range.end) return false;
  if (overlap != nullptr) *overlap = {std::max(hit->begin, range.begin), std::min(hit->end, range.end)};
  return true;
}

void Coverage::reserve(std::uint64_t stream) {
  std::vector<Range>& ranges = streams_[stream];
  if (ranges.size() == ranges.capacity()) ranges.reserve(std::max<std::size_t>(4, 2 * ranges.size()));
}

void Coverage::add(std::uint64_t stream, Range range) {
  if (range.begin == range.end) return;
  std::vector<Range>& ranges = streams_[stream];
  if (!ranges.empty() && ranges.back().end == range.begin) {  // the usual append
    ranges.back().end = range.end;
    return;
  }
  auto next = at_or_after(ranges, range.begin);
  const bool joins_next = next != ranges.end() && next->begin == range.end;
  const bool joins_previous = next != ranges.begin() && std::prev(next)->end == range.begin;
  if (joins_next && joins_previous) {
    std::prev(next)->end = next->end;
    ranges.erase(next);
  } else if (joins_next) {
    next->begin = range.begin;
  } else if (joins_previous) {
    std::prev(next)->end = range.end;
  } else {
    ranges.insert(next, range);
  }
}

void Coverage::add(const Coverage& other) {
  for (const auto& [stream, ranges] : other.streams_) {
    for (const Range& range : ranges) add(stream, range);
  }
}

void Coverage::remove(std::uint64_t stream, Range range) {
  std::vector<Range>& ranges = streams_[stream];
  const auto it = at_or_after(ranges, range.begin);
  const Range old = *it;
  const bool keeps_head = old.begin < range.begin, keeps_tail = range.end < old.end;
  if (keeps_head && keeps_tail) {
    it->end = range.begin;
    ranges.insert(it + 1, {range.end, old.end});
  } else if (keeps_head) {
    it->end = range.begin;
  } else if (keeps_tail) {
    it->begin = range.end;
  } else {
    ranges.erase(it);
  }
}

std::uint64_t Coverage::row_count() const {
  std::uint64_t count = 0;
  for (const auto& [stream, ranges] : streams_) {
    for (const Range& r : ranges) count += r.end - r.begin;
  }
  return count;
}

std::uint64_t Coverage::end_of(std::uint64_t stream) const {
  const auto it = streams_.find(stream);
  return it == streams_.end() || it->second.empty() ? 0 : it->second.back().end;
}

std::string Coverage::first_gap() const {
  for (const auto& [stream, ranges] : streams_) {
    if (ranges.empty()) continue;
    if (ranges.front().begin != 0) return to_string(stream, {0, ranges.front().begin});
    if (ranges.size() > 1) return to_string(stream, {ranges[0].end, ranges[1].begin});
  }
  return {};
}

std::string to_string(std::uint64_t stream, Range range) {
  std::string text = range.end - range.begin == 1
                         ? "row " + std::to_string(range.begin)
                         : "rows " + std::to_string(range.begin) + " .. " + std::to_string(range.end - 1);
  return text + " of stream " + std::to_string(stream);
}

}  // namespace heavykeys::detail
