// The keys a run of queries attends to, block by block, as lib/attended_keys.cpp lists them. Sinks come
// first, then what the set holds before the window, then the window: so the list is three runs one after
// another, of which only the second has keys to leave out (those of prefixes that have ended).
#pragma once

#include "cuda/tile.cuh"

namespace heavykeys::cuda::detail {

inline constexpr std::int64_t kForever = 0x7fffffffffffffff;

/// The first i in [begin, end) with keys[i] >= key; end: none.
HEAVYKEYS_DEVICE std::int64_t lower_bound(const std::int64_t* keys, std::int64_t begin, std::int64_t end,
                                          std::int64_t key) {
  while (begin < end) {
    const std::int64_t middle = begin + (end - begin) / 2;
    if (keys[middle] < key) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin;
}

template <class T>
struct KeyList {
  const Problem<T>& p;
  std::int64_t first;          // position of the first query
  std::int64_t sinks, recent;  // keys [0, sinks) and [recent, end) are all there
  std::int64_t begin, past,
      listed_end;         // of the set, entries [begin, past) lie between; [past, listed_end) above
  std::int64_t total;     // entries of all three runs
  std::int64_t next = 0;  // of them, the first not looked at

  HEAVYKEYS_DEVICE KeyList(const Problem<T>& problem, std::int64_t unit, std::int64_t first_position,
                           std::int64_t last_position)
      : p(problem), first(first_position) {
    const std::int64_t end = last_position + 1;
    sinks = least(p.sinks, end);
    recent = p.window == 0 ? end : greatest(sinks, first + 1 - least(p.window, end));
    listed_end = p.lists.indptr[unit + 1];
    begin = lower_bound(p.lists.keys, p.lists.indptr[unit], listed_end, sinks);
    past = lower_bound(p.lists.keys, begin, listed_end, recent);
    total = sinks + (past - begin) + (end - recent);
  }

  HEAVYKEYS_DEVICE bool has_gaps() const { return p.lists.until != nullptr; }
  HEAVYKEYS_DEVICE std::int64_t listed_until(std::int64_t at) const {
    return p.lists.until == nullptr ? kForever : p.lists.until[at];
  }

  HEAVYKEYS_DEVICE void entry(std::int64_t i, std::int64_t& key, std::int64_t& until) const {
    std::int64_t listed = 0;  // not in the set
    if (i < sinks) {
      key = i;
      until = kForever;
      return;
    }
    i += begin - sinks;
    if (i < past) {
      key = p.lists.keys[i];
      listed = listed_until(i);
    } else {
      key = recent + (i - past);
      const std::int64_t at = lower_bound(p.lists.keys, past, listed_end, key);
      if (at < listed_end && p.lists.keys[at] == key) listed = listed_until(at);
    }
    until = greatest(listed, key + p.window);
  }

  HEAVYKEYS_DEVICE bool keeps(std::int64_t i) const {
    if (!has_gaps() || i < sinks || i >= sinks + (past - begin)) return true;
    std::int64_t key, until;
    entry(i, key, until);
    return until > greatest(first, key);
  }
};

/// Puts the next block of the list, `skipped` entries further on, into shared memory; returns its length.
/// Each thread looks at a run of entries; how many are kept before it says where its own go.
template <class T, class Block>
HEAVYKEYS_DEVICE int next_keys(Block& block, KeyList<T>& list, std::int64_t skipped) {
  Shared<T>& shared = block.shared;
  const int run = list.has_gaps() ? 8 : 1;
  if (!list.has_gaps()) {
    list.next += skipped;
    skipped = 0;
  }
  std::int64_t rank = -skipped;  // of the next entry kept, in the block
  while (rank < kKeys && list.next < list.total) {
    const std::int64_t start = list.next;
    const auto is_kept = [&](std::int64_t i) { return i < list.total && list.keeps(i); };
    block.each([&](Thread<T>& t) {
      t.kept = 0;
      int count = 0;
      for (int i = 0; i < run; ++i) {
        if (!is_kept(start + t.id * run + i)) continue;
        t.kept |= 1u << i;
        ++count;
      }
      shared.kept[t.id] = count;
    });
    block.each([&](Thread<T>& t) {
      if (t.id >= kSide) return;
      int count = 0;
      for (int i = 0; i < kThreads / kSide; ++i) count += shared.kept[t.id * (kThreads / kSide) + i];
      shared.kept_of_group[t.id] = count;
    });
    block.each([&](Thread<T>& t) {
      const int group = t.id / (kThreads / kSide);
      std::int64_t at = rank;
      for (int g = 0; g < group; ++g) at += shared.kept_of_group[g];
      for (int i = group * (kThreads / kSide); i < t.id; ++i) at += shared.kept[i];
      for (int i = 0; i < run; ++i) {
        if ((t.kept >> i & 1u) == 0) continue;
        if (at >= 0 && at < kKeys) {
          const std::int64_t source = start + t.id * run + i;
          list.entry(source, shared.key[at], shared.until[at]);
          shared.from[at] = list.p.causal ? shared.key[at] : 0;
          if (at == kKeys - 1) shared.next = source + 1;
        }
        ++at;
      }
    });
    for (int g = 0; g < kSide; ++g) rank += shared.kept_of_group[g];
    list.next = rank >= kKeys ? shared.next : start + static_cast<std::int64_t>(kThreads) * run;
  }
  return static_cast<int>(greatest<std::int64_t>(0, least<std::int64_t>(kKeys, rank)));
}

}  // namespace heavykeys::cuda::detail
