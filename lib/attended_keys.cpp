#include "lib/attended_keys.hpp"

#include <algorithm>

namespace heavykeys::detail {

namespace {

/// until of a key that is in the set up to `listed` (0: it is not in it).
std::int64_t serves_until(const AttendOptions& o, std::int64_t key, std::int64_t listed) {
  if (static_cast<std::uint64_t>(key) < o.sinks) return kForever;
  const auto window = static_cast<std::int64_t>(std::min<std::size_t>(o.window, std::size_t{1} << 62));
  return std::max(listed, key + window);
}

}  // namespace

std::vector<AttendedKey> attended_keys(const AttentionShape& shape, const KeySets& sets, std::size_t unit,
                                       std::int64_t first, std::int64_t last) {
  const AttendOptions& o = shape.options;
  std::vector<AttendedKey> out;
  const auto add = [&](std::int64_t key, std::int64_t listed) {
    const std::int64_t until = serves_until(o, key, listed);
    if (until > std::max(first, key)) out.push_back({key, o.causal ? key : 0, until});
  };
  // Keys outside the set that may serve: the sinks, and the windows of the first position and all after it.
  const std::int64_t end = last + 1;
  const auto clamped = [&](std::size_t v) {
    return static_cast<std::int64_t>(std::min<std::uint64_t>(v, static_cast<std::uint64_t>(end)));
  };
  const std::int64_t sinks = clamped(o.sinks);
  const std::int64_t recent = o.window == 0 ? end : std::max(sinks, first + 1 - clamped(o.window));
  std::int64_t next = 0;  // keys before it are decided
  const auto up_to = [&](std::int64_t key) {
    for (std::int64_t k = next; k < std::min(key, sinks); ++k) add(k, 0);
    for (std::int64_t k = std::max(next, recent); k < key; ++k) add(k, 0);
    next = std::max(next, key);
  };
  for (auto i = static_cast<std::size_t>(sets.indptr[unit]);
       i < static_cast<std::size_t>(sets.indptr[unit + 1]); ++i) {
    const std::int64_t key = sets.keys[i];
    if (key >= end) break;
    up_to(key);
    add(key, sets.until.empty() ? kForever : sets.until[i]);
    next = key + 1;
  }
  up_to(end);
  return out;
}

}  // namespace heavykeys::detail
