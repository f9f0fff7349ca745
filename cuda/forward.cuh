// Attention, forward: lib/attention.cpp's tile, by one block of threads.
#pragma once

#include "cuda/scores.cuh"

namespace heavykeys::cuda::detail {

template <class T>
HEAVYKEYS_DEVICE std::int64_t forward_scratch(const Problem<T>& p) {
  return static_cast<std::int64_t>(p.dv) * kLanes<T>;
}

template <class T, class Block>
HEAVYKEYS_DEVICE void start_forward(Block& block, const Problem<T>& p, const Part<T>& part) {
  Shared<T>& shared = block.shared;
  block.each([&](Thread<T>& t) {
    if (t.id >= kLanes<T>) return;
    shared.position[t.id] = t.id < part.count ? p.position(part.first + t.id) : -1;
    shared.shift[t.id] = p.term.least_shift;
    shared.prepared[t.id] = shared.factor[t.id] = 0;
    shared.sum[t.id] = 0.0;
  });
  check_lanes<T>(block, p, part, p.queries, p.d, Status::queries);
}

/// The scores in shared.x become weights in units of the greatest so far; sums follow.
template <class T, class Block>
HEAVYKEYS_DEVICE void weigh(Block& block, const Problem<T>& p, const Part<T>& part, int keys) {
  Shared<T>& shared = block.shared;
  constexpr int kStep = Shared<T>::kLaneStep;
  const Evaluate<T> e{p.term};
  block.each([&](Thread<T>& t) {
    const int u = t.id;
    if (u >= part.count || !shared.meets[u / kStrip]) return;
    const T before = shared.shift[u];
    T top = before;
    for (int k = 0; k < keys; ++k) {
      if (serves(p, part, shared, k, u)) top = greatest(top, e.size(shared.x[k * kStep + u]));
    }
    shared.shift[u] = top;
    shared.factor[u] = e.ratio(before, top);
    shared.prepared[u] = e.prepare(top);
  });
  block.each([&](Thread<T>& t) {
    for_each(t, keys, kLanes<T>, [&](int k, int u) {
      T& x = shared.x[k * kStep + u];
      x = serves(p, part, shared, k, u) ? e.weight(x, shared.prepared[u]) : static_cast<T>(0);
    });
  });
  block.each([&](Thread<T>& t) {
    const int u = t.id;
    if (u >= part.count || !shared.meets[u / kStrip]) return;
    T total = 0;
    for (int k = 0; k < keys; ++k) total = total + shared.x[k * kStep + u];
    shared.sum[u] = shared.sum[u] * static_cast<double>(shared.factor[u]) + static_cast<double>(total);
  });
}

template <class T, class Block>
HEAVYKEYS_DEVICE void finish_forward(Block& block, const Problem<T>& p, const Part<T>& part, T* sums) {
  Shared<T>& shared = block.shared;
  block.each([&](Thread<T>& t) {
    if (t.id >= part.count) return;
    const double sum = shared.sum[t.id];
    const std::int64_t query = p.query(part.unit, part.first + t.id);
    if (!is_finite(sum)) lower(&p.status->first[Status::scores], static_cast<std::uint64_t>(query));
    p.shift[query] = static_cast<double>(shared.shift[t.id]);
    p.sum[query] = sum;
  });
  block.each([&](Thread<T>& t) {
    for_each(t, p.dv, kLanes<T>, [&](int c, int u) {
      const double sum = shared.sum[u];
      T& at = sums[static_cast<std::int64_t>(c) * kLanes<T> + u];
      at = at / (sum > 0.0 ? static_cast<T>(sum) : static_cast<T>(1));
    });
  });
  write_lanes<T>(block, p, part, p.out, p.dv, static_cast<T>(1), sums);
}

/// Part `number` of the call; sums: forward_scratch() values.
template <class T, class Block>
HEAVYKEYS_DEVICE void attend_part(Block& block, const Problem<T>& p, std::int64_t number, T* sums) {
  const Part<T> part = Part<T>::number(p, number);
  start_forward<T>(block, p, part);
  clear_sums<T>(block, sums, forward_scratch(p));
  KeyList<T> list(p, part.unit, p.position(part.tile), p.position(part.tile + part.tile_count - 1));
  while (const int keys = next_keys<T>(block, list, 0)) {
    if (!find_meetings<T>(block, part, keys)) continue;
    find_scores<T>(block, p, part, keys);
    weigh<T>(block, p, part, keys);
    add_over_keys<true, T>(block, keys, values_of(p, part.unit), sums);
  }
  finish_forward<T>(block, p, part, sums);
}

}  // namespace heavykeys::cuda::detail
