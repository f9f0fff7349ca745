// Attention, backward: the two passes of lib/attention_backward.cpp, by queries and by keys, and what goes
// before them.
#pragma once

#include "cuda/scores.cuh"

namespace heavykeys::cuda::detail {

template <class T>
HEAVYKEYS_DEVICE std::int64_t by_queries_scratch(const Problem<T>& p) {
  return static_cast<std::int64_t>(p.d + kKeys) * kLanes<T>;
}
template <class T>
HEAVYKEYS_DEVICE std::int64_t by_keys_scratch(const Problem<T>& p) {
  return static_cast<std::int64_t>(kKeys) * (p.d + p.dv + kLanes<T>);
}

/// grad_out . out of query `lane` of a unit.
template <class T>
HEAVYKEYS_DEVICE void find_mean(const Problem<T>& p, std::int64_t unit, std::int64_t lane) {
  const std::int64_t out = p.lane_row(p.out, unit, lane), grad = p.lane_row(p.grad_out, unit, lane);
  double sum = 0.0;
  for (int c = 0; c < p.dv; ++c) {
    sum = sum + load_element<double>(p.out, out + c * p.out.column_stride) *
                    load_element<double>(p.grad_out, grad + c * p.grad_out.column_stride);
  }
  p.mean[unit * p.lanes + lane] = static_cast<T>(sum);
}

/// Row `key` of a unit's gradients of keys and values: zeros, until by_key_block says more.
template <class T>
HEAVYKEYS_DEVICE void clear_key(const Problem<T>& p, std::int64_t unit, std::int64_t key) {
  const auto zeros = [&](const View& view, int dim) {
    const std::int64_t row = p.key_row(view, unit, key);
    for (int c = 0; c < dim; ++c) store_element(view, row + c * view.column_stride, static_cast<T>(0));
  };
  zeros(p.by_keys, p.d);
  zeros(p.by_values, p.dv);
}

template <class T, class Block>
HEAVYKEYS_DEVICE void start_backward(Block& block, const Problem<T>& p, const Part<T>& part) {
  Shared<T>& shared = block.shared;
  block.each([&](Thread<T>& t) {
    const int u = t.id;
    if (u >= kLanes<T>) return;
    const bool there = u < part.count;
    const std::int64_t query = there ? p.query(part.unit, part.first + u) : 0;
    const double sum = there ? p.sum[query] : 0.0;
    shared.position[u] = there ? p.position(part.first + u) : -1;
    shared.shift[u] = there ? static_cast<T>(p.shift[query]) : p.term.least_shift;
    shared.prepared[u] = Evaluate<T>{p.term}.prepare(shared.shift[u]);
    shared.inverse[u] = sum > 0.0 ? static_cast<T>(1.0 / sum) : static_cast<T>(0);
    shared.mean[u] = there ? p.mean[part.unit * p.lanes + part.first + u] : static_cast<T>(0);
  });
}

/// shared.x = what each x adds to the loss; `weights` [keys, lanes], of this block of threads: the weights.
template <class T, class Block>
HEAVYKEYS_DEVICE void differentiate(Block& block, const Problem<T>& p, const Part<T>& part, int keys,
                                    T* weights) {
  Shared<T>& shared = block.shared;
  find_scores<T>(block, p, part, keys);
  multiply<T>(block, keys, values_of(p, part.unit), grads_of(p, part), kDepth * p.dv,
              [&](int k, int u, T sum, bool) { weights[k * kLanes<T> + u] = sum; });
  const Evaluate<T> e{p.term};
  block.each([&](Thread<T>& t) {
    for_each(t, keys, kLanes<T>, [&](int k, int u) {
      T& x = shared.x[k * Shared<T>::kLaneStep + u];
      T& by_weight = weights[k * kLanes<T> + u];
      if (serves(p, part, shared, k, u)) {
        const T inverse = shared.inverse[u], prepared = shared.prepared[u];
        const T w = e.weight(x, prepared);
        x = e.slope(x, prepared, w) * inverse * (by_weight - shared.mean[u]);
        by_weight = w * inverse;
      } else {
        x = by_weight = 0;
      }
    });
  });
}

/// The gradients of the queries of part `number`; sums: by_queries_scratch() values.
template <class T, class Block>
HEAVYKEYS_DEVICE void by_query_part(Block& block, const Problem<T>& p, std::int64_t number, T* sums) {
  const Part<T> part = Part<T>::number(p, number);
  start_backward<T>(block, p, part);
  check_lanes<T>(block, p, part, p.queries, p.d, Status::queries);
  T* weights = sums + static_cast<std::int64_t>(p.d) * kLanes<T>;
  clear_sums<T>(block, sums, weights - sums);
  KeyList<T> list(p, part.unit, p.position(part.tile), p.position(part.tile + part.tile_count - 1));
  while (const int keys = next_keys<T>(block, list, 0)) {
    if (!find_meetings<T>(block, part, keys)) continue;
    differentiate<T>(block, p, part, keys, weights);
    add_over_keys<false, T>(block, keys, keys_of(p, part.unit), sums);
  }
  write_lanes<T>(block, p, part, p.by_queries, p.d, p.scale, sums);
}

/// sums[k, c] += sum_u x[k, u] lanes[u, c], a strip of queries at a time, each summed first, in ascending
/// order; of strips that meet the block.
template <class T, class Block>
HEAVYKEYS_DEVICE void add_over_lanes(Block& block, int keys, const LaneSide<T>& lanes, T* sums) {
  Shared<T>& shared = block.shared;
  const int dim = lanes.dim;
  for (int column = 0; column < dim; column += kColumns) {
    const auto for_sums = [&](Thread<T>& t, auto body) {
      HEAVYKEYS_UNROLL
      for (int i = 0; i < kKeysEach; ++i) {
        HEAVYKEYS_UNROLL
        for (int j = 0; j < kColumnsEach; ++j) {
          const int k = t.down() * kKeysEach + i, c = column + t.place(j);
          if (k < keys && c < dim) body(sums[static_cast<std::int64_t>(k) * dim + c], t.total[i][j]);
        }
      }
    };
    block.each([&](Thread<T>& t) {
      clear(t.total);
      for_sums(t, [](const T& kept, T& total) { total = kept; });
    });
    for (int s = 0; s < kStrips<T>; ++s) {
      if (!shared.meets[s]) continue;
      const int count = least(kStrip, lanes.part.count - s * kStrip);
      for (int start = 0; start < count; start += kDepth) {
        const int depth = least(kDepth, count - start), first = s * kStrip + start;
        block.each([&](Thread<T>& t) {
          if (start == 0) clear(t.by_key);
          for_each(t, kDepth, kColumns, [&](int u, int c) {
            shared.right[u * Shared<T>::kColumnStep + c] =
                u < depth && column + c < dim ? lanes(first + u, column + c) : static_cast<T>(0);
          });
        });
        block.each([&](Thread<T>& t) {
          accumulate(t, shared.x + t.down() * kKeysEach * Shared<T>::kLaneStep + first, Shared<T>::kLaneStep,
                     1, shared.right, Shared<T>::kColumnStep, depth, t.by_key);
          if (start + depth < count) return;
          HEAVYKEYS_UNROLL
          for (int i = 0; i < kKeysEach; ++i) {
            HEAVYKEYS_UNROLL
            for (int j = 0; j < kColumnsEach; ++j) t.total[i][j] = t.total[i][j] + t.by_key[i][j];
          }
        });
      }
    }
    block.each([&](Thread<T>& t) { for_sums(t, [](T& kept, const T& total) { kept = total; }); });
  }
}

/// The gradients of the keys and values of block `number`; sums: by_keys_scratch() values.
template <class T, class Block>
HEAVYKEYS_DEVICE void by_key_block(Block& block, const Problem<T>& p, std::int64_t number, T* sums) {
  Shared<T>& shared = block.shared;
  const std::int64_t unit = number / p.key_blocks;
  KeyList<T> list(p, unit, p.position(0), p.position(p.lanes - 1));
  const int keys = next_keys<T>(block, list, number % p.key_blocks * kKeys);
  if (keys == 0) return;
  T* by_keys = sums;
  T* by_values = by_keys + static_cast<std::int64_t>(kKeys) * p.d;
  T* weights = by_values + static_cast<std::int64_t>(kKeys) * p.dv;
  clear_sums<T>(block, sums, weights - sums);
  for (std::int64_t first = 0; first < p.lanes; first += kLanes<T>) {
    const Part<T> part = Part<T>::at(p, unit, first);
    start_backward<T>(block, p, part);
    if (!find_meetings<T>(block, part, keys)) continue;
    differentiate<T>(block, p, part, keys, weights);
    add_over_lanes<T>(block, keys, queries_of(p, part), by_keys);
    block.each([&](Thread<T>& t) {
      for_each(t, keys, kLanes<T>,
               [&](int k, int u) { shared.x[k * Shared<T>::kLaneStep + u] = weights[k * kLanes<T> + u]; });
    });
    add_over_lanes<T>(block, keys, grads_of(p, part), by_values);
  }
  const auto write = [&](const View& view, int dim, T scale, const T* from) {
    block.each([&](Thread<T>& t) {
      for_each(t, keys, dim, [&](int k, int c) {
        store_element(view, p.key_row(view, unit, shared.key[k]) + c * view.column_stride,
                      from[static_cast<std::int64_t>(k) * dim + c] * scale);
      });
    });
  };
  write(p.by_keys, p.d, p.scale, by_keys);
  write(p.by_values, p.dv, static_cast<T>(1), by_values);
}

}  // namespace heavykeys::cuda::detail
