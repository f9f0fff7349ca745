// Products of a block of keys with the queries of a block of threads: sums over columns, and sums over keys.
#pragma once

#include "cuda/key_list.cuh"

namespace heavykeys::cuda::detail {

/// shared.meets: whether some key of the block serves some query of each strip. A strip that meets none is
/// left alone, as on the CPU. Returns whether any meets.
template <class T, class Block>
HEAVYKEYS_DEVICE bool find_meetings(Block& block, const Part<T>& part, int keys) {
  Shared<T>& shared = block.shared;
  block.each([&](Thread<T>& t) {
    if (t.id < kStrips<T>) shared.meets[t.id] = 0;
  });
  block.each([&](Thread<T>& t) {
    for_each(t, kStrips<T>, keys, [&](int s, int k) {
      if (s * kStrip >= part.count) return;
      const int last = least(s * kStrip + kStrip, part.count) - 1;
      if (shared.from[k] <= shared.position[last] && shared.until[k] > shared.position[s * kStrip]) {
        raise_flag(&shared.meets[s]);
      }
    });
  });
  int any = 0;
  for (int s = 0; s < kStrips<T>; ++s) any |= shared.meets[s];
  return any != 0;
}

/// Whether key k serves query u. Where it does, a score that is not finite goes into the status.
template <class T>
HEAVYKEYS_DEVICE bool serves(const Problem<T>& p, const Part<T>& part, const Shared<T>& shared, int k,
                             int u) {
  if (u >= part.count || shared.from[k] > shared.position[u] || shared.position[u] >= shared.until[k])
    return false;
  if (!is_finite(shared.x[k * Shared<T>::kLaneStep + u])) {
    lower(&p.status->first[Status::scores], static_cast<std::uint64_t>(p.query(part.unit, part.first + u)));
  }
  return true;
}

/// The rows of keys or values of one unit.
template <class T>
struct KeySide {
  const Problem<T>& p;
  const View& view;
  int dim, argument;
  std::int64_t unit;

  HEAVYKEYS_DEVICE T operator()(std::int64_t key, int c) const {
    return load_checked(p, view, p.key_row(view, unit, key) + c * view.column_stride, argument,
                        unit * p.n + key);
  }
};
template <class T>
HEAVYKEYS_DEVICE KeySide<T> keys_of(const Problem<T>& p, std::int64_t unit) {
  return {p, p.keys, p.d, Status::keys, unit};
}
template <class T>
HEAVYKEYS_DEVICE KeySide<T> values_of(const Problem<T>& p, std::int64_t unit) {
  return {p, p.values, p.dv, Status::values, unit};
}

/// The rows of queries or of grad_out of one part.
template <class T>
struct LaneSide {
  const Problem<T>& p;
  const View& view;
  int dim;
  const Part<T>& part;

  HEAVYKEYS_DEVICE T operator()(int u, int c) const {
    return load_element<T>(view, p.lane_row(view, part.unit, part.first + u) + c * view.column_stride);
  }
};
template <class T>
HEAVYKEYS_DEVICE LaneSide<T> queries_of(const Problem<T>& p, const Part<T>& part) {
  return {p, p.queries, p.d, part};
}
template <class T>
HEAVYKEYS_DEVICE LaneSide<T> grads_of(const Problem<T>& p, const Part<T>& part) {
  return {p, p.grad_out, p.dv, part};
}

/// Columns start .. start + depth of the rows and of the lanes, into shared memory: one thread's part.
template <class T>
HEAVYKEYS_DEVICE void load_operands(Thread<T>& t, Shared<T>& shared, int keys, const KeySide<T>& rows,
                                    const LaneSide<T>& lanes, int start, int depth) {
  for_each(t, kKeys, kDepth, [&](int k, int c) {
    shared.left[c * Shared<T>::kKeyStep + k] =
        k < keys && c < depth ? rows(shared.key[k], start + c) : static_cast<T>(0);
  });
  for_each(t, kLanes<T>, kDepth, [&](int u, int c) {
    shared.right[c * Shared<T>::kLaneStep + u] =
        u < lanes.part.count && c < depth ? lanes(u, start + c) : static_cast<T>(0);
  });
}

/// rows . lanes, sums over `each` columns at a time, ascending: body(key, query, sum, whether they are the
/// first) for each of a thread's.
template <class T, class Block, class Body>
HEAVYKEYS_DEVICE void multiply(Block& block, int keys, const KeySide<T>& rows, const LaneSide<T>& lanes,
                               int each, Body body) {
  Shared<T>& shared = block.shared;
  for (int start = 0; start < rows.dim; start += kDepth) {
    const int depth = least(kDepth, rows.dim - start);
    block.each([&](Thread<T>& t) {
      if (start % each == 0) clear(t.score);
      load_operands(t, shared, keys, rows, lanes, start, depth);
    });
    block.each([&](Thread<T>& t) {
      accumulate(t, shared.left + t.down() * kKeysEach, 1, Shared<T>::kKeyStep, shared.right,
                 Shared<T>::kLaneStep, depth, t.score);
      if ((start + kDepth) % each != 0 && start + kDepth < rows.dim) return;
      HEAVYKEYS_UNROLL
      for (int i = 0; i < kKeysEach; ++i) {
        HEAVYKEYS_UNROLL
        for (int j = 0; j < kLanesEach<T>; ++j) {
          body(t.down() * kKeysEach + i, t.place(j), t.score[i][j], start < each);
        }
      }
    });
  }
}

/// shared.x = scores summed up in double, times scale, and rounded once. A thread has registers
/// for a few such sums only, so operands come several times.
template <class T, class Block>
HEAVYKEYS_DEVICE void find_wide_scores(Block& block, const Problem<T>& p, const Part<T>& part, int keys) {
  Shared<T>& shared = block.shared;
  for (int first = 0; first < kLanesEach<T>; first += kWideEach) {
    for (int start = 0; start < p.d; start += kDepth) {
      const int depth = least(kDepth, p.d - start);
      block.each([&](Thread<T>& t) {
        if (start == 0) clear(t.wide);
        load_operands(t, shared, keys, keys_of(p, part.unit), queries_of(p, part), start, depth);
      });
      block.each([&](Thread<T>& t) {
        for (int c = 0; c < depth; ++c) {
          HEAVYKEYS_UNROLL
          for (int j = 0; j < kWideEach; ++j) {
            const auto q = static_cast<double>(shared.right[c * Shared<T>::kLaneStep + t.place(first + j)]);
            HEAVYKEYS_UNROLL
            for (int i = 0; i < kKeysEach; ++i) {
              const T k = shared.left[c * Shared<T>::kKeyStep + t.down() * kKeysEach + i];
              t.wide[i][j] = fused(static_cast<double>(k), q, t.wide[i][j]);
            }
          }
        }
        if (start + kDepth < p.d) return;
        for (int i = 0; i < kKeysEach; ++i) {
          for (int j = 0; j < kWideEach; ++j) {
            shared.x[(t.down() * kKeysEach + i) * Shared<T>::kLaneStep + t.place(first + j)] =
                static_cast<T>(p.wide_scale * t.wide[i][j]);
          }
        }
      });
    }
  }
}

/// shared.x = scores: dot products, formed in blocks of columns, or in double, then times scale.
template <class T, class Block>
HEAVYKEYS_DEVICE void find_scores(Block& block, const Problem<T>& p, const Part<T>& part, int keys) {
  if (p.wide_scores) return find_wide_scores<T>(block, p, part, keys);
  Shared<T>& shared = block.shared;
  multiply<T>(block, keys, keys_of(p, part.unit), queries_of(p, part), static_cast<int>(kColumnBlock),
              [&](int k, int u, T sum, bool is_first) {
                T& x = shared.x[k * Shared<T>::kLaneStep + u];
                x = is_first ? sum : x + sum;
              });
  block.each([&](Thread<T>& t) {
    for_each(t, kKeys, kLanes<T>, [&](int k, int u) {
      T& x = shared.x[k * Shared<T>::kLaneStep + u];
      x = p.scale * x;
    });
  });
}

/// sums[c, u] = sums[c, u] (factor[u], if it rescales) + sum_k rows[k, c] x[k, u], the product being summed
/// first, keys ascending; of strips that meet the block.
template <bool kRescales, class T, class Block>
HEAVYKEYS_DEVICE void add_over_keys(Block& block, int keys, const KeySide<T>& rows, T* sums) {
  Shared<T>& shared = block.shared;
  for (int column = 0; column < rows.dim; column += kColumns) {
    for (int start = 0; start < keys; start += kDepth) {
      const int depth = least(kDepth, keys - start);
      block.each([&](Thread<T>& t) {
        if (start == 0) clear(t.product);
        for_each(t, kDepth, kColumns, [&](int k, int c) {
          shared.left[k * Shared<T>::kColumnStep + c] = k < depth && column + c < rows.dim
                                                            ? rows(shared.key[start + k], column + c)
                                                            : static_cast<T>(0);
        });
      });
      block.each([&](Thread<T>& t) {
        accumulate(t, shared.left + t.down() * kColumnsEach, 1, Shared<T>::kColumnStep,
                   shared.x + start * Shared<T>::kLaneStep, Shared<T>::kLaneStep, depth, t.product);
      });
    }
    block.each([&](Thread<T>& t) {
      HEAVYKEYS_UNROLL
      for (int i = 0; i < kColumnsEach; ++i) {
        HEAVYKEYS_UNROLL
        for (int j = 0; j < kLanesEach<T>; ++j) {
          const int c = column + t.down() * kColumnsEach + i, u = t.place(j);
          if (c >= rows.dim || !shared.meets[u / kStrip]) continue;
          T& at = sums[static_cast<std::int64_t>(c) * kLanes<T> + u];
          at = kRescales ? fused(at, shared.factor[u], t.product[i][j]) : at + t.product[i][j];
        }
      }
    });
  }
}

/// Sets `count` of the sums to zero.
template <class T, class Block>
HEAVYKEYS_DEVICE void clear_sums(Block& block, T* sums, std::int64_t count) {
  block.each([&](Thread<T>& t) {
    for (std::int64_t i = t.id; i < count; i += kThreads) sums[i] = 0;
  });
}

/// Says in the status which row of the part's lanes of a view is not finite.
template <class T, class Block>
HEAVYKEYS_DEVICE void check_lanes(Block& block, const Problem<T>& p, const Part<T>& part, const View& view,
                                  int dim, int argument) {
  block.each([&](Thread<T>& t) {
    for_each(t, part.count, dim, [&](int u, int c) {
      const std::int64_t lane = part.first + u;
      load_checked(p, view, p.lane_row(view, part.unit, lane) + c * view.column_stride, argument,
                   p.query(part.unit, lane));
    });
  });
}

/// Writes sums [dim, lanes], times `scale`, over the part's rows of a view.
template <class T, class Block>
HEAVYKEYS_DEVICE void write_lanes(Block& block, const Problem<T>& p, const Part<T>& part, const View& view,
                                  int dim, T scale, const T* sums) {
  block.each([&](Thread<T>& t) {
    for_each(t, part.count, dim, [&](int u, int c) {
      store_element(view, p.lane_row(view, part.unit, part.first + u) + c * view.column_stride,
                    sums[static_cast<std::int64_t>(c) * kLanes<T> + u] * scale);
    });
  });
}

}  // namespace heavykeys::cuda::detail
