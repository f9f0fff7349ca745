// A call of attention as kernels see it: plain numbers and pointers to the memory of the device.
#pragma once

#include "cuda/elements.cuh"
#include "lib/attention_tiles.hpp"

namespace heavykeys::cuda::detail {

using heavykeys::detail::kColumnBlock;
using heavykeys::detail::kKeyBlock;
using heavykeys::detail::kStripWidth;
using heavykeys::detail::kTileLanes;

/// What a call found wrong, at the start of its workspace. The first row of each argument, as (b heads + h)
/// rows
/// + r; kNone where there is none.
struct Status {
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  enum Argument { queries, keys, values, scores, count };

  std::uint64_t first[count] = {kNone, kNone, kNone, kNone};
  std::int64_t heads[count] = {}, rows[count] = {};
};

/// The lists of a DeviceKeySets.
struct Lists {
  const std::int64_t* indptr = nullptr;
  const std::int64_t* keys = nullptr;
  const std::int64_t* until = nullptr;  ///< null: for ever
};

template <class T>
struct Problem {
  std::int64_t units = 0, heads = 0, group = 0;  ///< heads: of keys; group: query heads to each
  std::int64_t m = 0, n = 0, lanes = 0;          ///< lanes: group m queries of a unit
  int d = 0, dv = 0;
  bool causal = false;
  std::int64_t sinks = 0, window = 0;
  T scale = 1;
  bool wide_scores = false;  ///< as AttentionShape has it
  double wide_scale = 1;     ///< scale, before it is rounded to T
  TermOf<T> term;
  Lists lists;
  View queries, keys, values;
  double* shift = nullptr;  ///< [B, Hq, m]
  double* sum = nullptr;
  View out;                             // forward: written
  View grad_out;                        // backward, to the end
  View by_queries, by_keys, by_values;  ///< gradients
  T* mean = nullptr;                    ///< [units, lanes]
  std::int64_t key_blocks = 0;          ///< blocks of keys of each unit, the longest list's
  T* sums = nullptr;                    ///< scratch_size() values for each block of threads
  Status* status = nullptr;

  // As AttentionShape has them.
  HEAVYKEYS_DEVICE std::int64_t query_head(std::int64_t unit, std::int64_t lane) const {
    return unit % heads * group + lane % group;
  }
  HEAVYKEYS_DEVICE std::int64_t query_row(std::int64_t lane) const { return lane / group; }
  HEAVYKEYS_DEVICE std::int64_t query(std::int64_t unit, std::int64_t lane) const {
    return (unit / heads * heads * group + query_head(unit, lane)) * m + query_row(lane);
  }
  HEAVYKEYS_DEVICE std::int64_t position(std::int64_t lane) const {
    if (!causal) return n - 1;
    return greatest<std::int64_t>(-1, n - m + query_row(lane));
  }

  /// Where the row of a lane starts in a view shaped as queries, and the row of a key.
  HEAVYKEYS_DEVICE std::int64_t lane_row(const View& view, std::int64_t unit, std::int64_t lane) const {
    return view.row(unit / heads, query_head(unit, lane), query_row(lane));
  }
  HEAVYKEYS_DEVICE std::int64_t key_row(const View& view, std::int64_t unit, std::int64_t key) const {
    return view.row(unit / heads, unit % heads, key);
  }
};

/// value = element `at` of a row, and says so in the status where it is NaN or infinite.
template <class T>
HEAVYKEYS_DEVICE T load_checked(const Problem<T>& p, const View& view, std::int64_t at, int argument,
                                std::int64_t row) {
  const T value = load_element<T>(view, at);
  if (!is_finite(value)) lower(&p.status->first[argument], static_cast<std::uint64_t>(row));
  return value;
}

}  // namespace heavykeys::cuda::detail
