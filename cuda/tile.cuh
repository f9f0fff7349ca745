// A block of threads, what it shares, and how it runs: in phases, with a barrier after each. On the device a
// thread is a thread; in the tests the phases are loops over threads, or the threads are the host's.
#pragma once

#include "cuda/problem.cuh"

namespace heavykeys::cuda::detail {

inline constexpr int kThreads = 256;
inline constexpr int kKeys = static_cast<int>(kKeyBlock);
inline constexpr int kStrip = static_cast<int>(kStripWidth);

/// Threads form a 16 x 16 square. A thread forms the scores of kKeysEach neighbouring keys and kLanesEach
/// queries; products with values, of kColumnsEach columns.
inline constexpr int kSide = 16;
inline constexpr int kKeysEach = kKeys / kSide;
inline constexpr int kColumnsEach = 4;
inline constexpr int kColumns = kColumnsEach * kSide;
/// Queries whose scores a thread sums up in double at a time (AttentionShape::wide_scores).
inline constexpr int kWideEach = 2;
/// Rows of an operand that are in shared memory at a time.
inline constexpr int kDepth = 16;

/// Queries to a block of threads: a tile of the CPU's, or half of one.
template <class T>
inline constexpr int kLanes = sizeof(T) == 4 ? 128 : 64;
template <class T>
inline constexpr int kStrips = kLanes<T> / kStrip;
template <class T>
inline constexpr int kLanesEach = kLanes<T> / kSide;

static_assert(kKeys % kSide == 0 && kColumnBlock % kDepth == 0 &&
              kLanes<float> == static_cast<int>(kTileLanes) &&
              static_cast<int>(kTileLanes) % kLanes<double> == 0);

template <class T>
struct Shared {
  // Rows are longer than they need be, for the banks of shared memory.
  static constexpr int kLaneStep = kLanes<T> + 4, kKeyStep = kKeys + 4, kColumnStep = kColumns + 4;

  alignas(16) T x[kKeys * kLaneStep];     ///< [keys, lanes]: scores, weights or slopes
  alignas(16) T left[kDepth * kKeyStep];  ///< operands: [depth, keys] or [depth, columns]
  alignas(16) T right[kDepth * kLaneStep];
  T shift[kLanes<T>], prepared[kLanes<T>];
  T factor[kLanes<T>];                    ///< forward
  T inverse[kLanes<T>], mean[kLanes<T>];  ///< backward
  double sum[kLanes<T>];                  ///< forward
  std::int64_t position[kLanes<T>];       ///< of the queries
  std::int64_t key[kKeys], from[kKeys], until[kKeys];
  int meets[kStrips<T>];                     ///< whether some key of the block serves some query of the strip
  int kept[kThreads], kept_of_group[kSide];  // of key_list.cuh
  std::int64_t next;
};

/// What one thread keeps from phase to phase: in registers.
template <class T>
struct Thread {
  int id = 0;
  unsigned kept = 0;
  T score[kKeysEach][kLanesEach<T>];
  double wide[kKeysEach][kWideEach];
  T product[kColumnsEach][kLanesEach<T>];
  T by_key[kKeysEach][kColumnsEach], total[kKeysEach][kColumnsEach];

  HEAVYKEYS_DEVICE int across() const { return id % kSide; }
  HEAVYKEYS_DEVICE int down() const { return id / kSide; }
  /// Which of kEach kSide neighbours is the thread's j-th: so that loads are 16 bytes wide and no two
  /// threads' meet in a bank.
  HEAVYKEYS_DEVICE int place(int j) const {
    return j / kPack<T> * (kSide * kPack<T>)+across() * kPack<T> + j % kPack<T>;
  }
};

template <class T, int kRows, int kEach>
HEAVYKEYS_DEVICE void clear(T (&acc)[kRows][kEach]) {
  HEAVYKEYS_UNROLL
  for (int i = 0; i < kRows; ++i) {
    HEAVYKEYS_UNROLL
    for (int j = 0; j < kEach; ++j) acc[i][j] = 0;
  }
}

/// acc[i][j] = fma(left[i row + k step], right[k ldr + place(j)], acc[i][j]) for k < depth, ascending.
template <class T, int kRows, int kEach>
HEAVYKEYS_DEVICE void accumulate(const Thread<T>& t, const T* left, int row, int step, const T* right,
                                 int ldr, int depth, T (&acc)[kRows][kEach]) {
  constexpr int kPacks = kEach / kPack<T>;
  HEAVYKEYS_UNROLL_4
  for (int k = 0; k < depth; ++k) {
    Pack<T> b[kPacks];
    HEAVYKEYS_UNROLL
    for (int q = 0; q < kPacks; ++q) b[q] = load_pack(right + k * ldr + t.place(q * kPack<T>));
    HEAVYKEYS_UNROLL
    for (int i = 0; i < kRows; ++i) {
      const T a = left[i * row + k * step];
      HEAVYKEYS_UNROLL
      for (int j = 0; j < kEach; ++j) acc[i][j] = fused(a, b[j / kPack<T>].value[j % kPack<T>], acc[i][j]);
    }
  }
}

/// The queries of one block of threads.
template <class T>
struct Part {
  std::int64_t unit = 0, first = 0, tile = 0;
  int count = 0, tile_count = 0;

  static HEAVYKEYS_DEVICE std::int64_t of_unit(const Problem<T>& p) {
    return (p.lanes + kLanes<T> - 1) / kLanes<T>;
  }
  static HEAVYKEYS_DEVICE Part number(const Problem<T>& p, std::int64_t i) {
    return at(p, i / of_unit(p), i % of_unit(p) * kLanes<T>);
  }
  static HEAVYKEYS_DEVICE Part at(const Problem<T>& p, std::int64_t unit, std::int64_t first) {
    constexpr auto kTile = static_cast<std::int64_t>(kTileLanes);
    Part part;
    part.unit = unit;
    part.first = first;
    part.count = static_cast<int>(least<std::int64_t>(kLanes<T>, p.lanes - first));
    part.tile = first / kTile * kTile;
    part.tile_count = static_cast<int>(least(kTile, p.lanes - part.tile));
    return part;
  }
};

/// body(row, column, place) shared out over threads, columns fastest.
template <class T, class Body>
HEAVYKEYS_DEVICE void for_each(const Thread<T>& t, int rows, int columns, Body body) {
  for (int i = t.id; i < rows * columns; i += kThreads) body(i / columns, i % columns);
}

}  // namespace heavykeys::cuda::detail
