// Which rows have been absorbed: what makes a repeated row and a lost row visible.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lib/siblings.hpp"

namespace heavykeys::detail {

/// Rows [begin, end) of a stream.
struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  friend bool operator==(const Range&, const Range&) = default;
};

/// For each stream, disjoint ascending ranges that do not touch.
class HEAVYKEYS_SIBLINGS Coverage {
 public:
  /// True when some row of the range is in already; `overlap` then says which.
  bool overlaps(std::uint64_t stream, Range range, Range* overlap = nullptr) const;
  /// Makes room so that the next add to this stream cannot throw.
  void reserve(std::uint64_t stream);
  /// The range must not overlap.
  void add(std::uint64_t stream, Range range);
  /// None of its rows may be in.
  void add(const Coverage& other);
  /// The range must be in.
  void remove(std::uint64_t stream, Range range);

  std::uint64_t row_count() const;
  std::uint64_t end_of(std::uint64_t stream) const;
  /// "rows 10 .. 19 of stream 0", or empty when every stream is 0 .. n-1 without a gap.
  std::string first_gap() const;

  const std::map<std::uint64_t, std::vector<Range>>& streams() const { return streams_; }

 private:
  std::map<std::uint64_t, std::vector<Range>> streams_;  // an empty list counts as absent
};

HEAVYKEYS_SIBLINGS std::string to_string(std::uint64_t stream, Range range);

}  // namespace heavykeys::detail
