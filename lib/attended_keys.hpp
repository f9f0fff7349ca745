// Which keys a run of queries attends to: its set, the sinks and the window, as one ascending list.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "heavykeys/key_sets.hpp"
#include "lib/attention_shape.hpp"

namespace heavykeys::detail {

/// Key `key` serves the queries at positions from .. until - 1.
struct AttendedKey {
  std::int64_t key = 0;
  std::int64_t from = 0;
  std::int64_t until = 0;
};

inline constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();

/// All keys that serve some position in first .. last, in one unit.
std::vector<AttendedKey> attended_keys(const AttentionShape& shape, const KeySets& sets, std::size_t unit,
                                       std::int64_t first, std::int64_t last);

}  // namespace heavykeys::detail
