// A uniform sample of the rows of a stream that does not depend on their order (docs/primitives.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/byte_stream.hpp"
#include "lib/row_store.hpp"
#include "lib/siblings.hpp"

namespace heavykeys::detail {

/// Of all rows added, the k with the least hash(seed, stream, row), ties to the lesser id: "bottom-k".
/// Given n >= k, each set of k rows is equally likely over the seed, independent of the rows' values.
///
/// The kept set is a function of the SET of rows added, so samples of disjoint rows merge in any order
/// to the same value. Each id may be added once, over all samples that are ever merged (Coverage sees to it).
/// Size: at most 2 k + 64 rows. Cost: one hash for each row, and k ln(n / k) rows copied, expected.
class HEAVYKEYS_SIBLINGS RowSample {
 public:
  RowSample(std::size_t dim, std::size_t capacity, std::uint64_t seed);

  std::size_t dim() const { return rows_.dim(); }
  std::size_t capacity() const { return capacity_; }
  std::uint64_t seed() const { return seed_; }
  std::size_t size() const { return heap_.size(); }

  /// True when add(id, ...) would keep the row: ask before the row is made.
  bool would_keep(KeyId id) const { return capacity_ > 0 && admits({hash(id), id, 0}); }
  /// Appends to `out` the i < count for which row first + i of this stream would be kept, ascending:
  /// would_keep, many at a time. (Adding one of them may raise the bar for the next.)
  void select(std::uint64_t stream, std::uint64_t first, std::size_t count,
              std::vector<std::uint32_t>& out) const;

  /// Keeps the row if its hash is low enough. Unchanged when it throws (std::bad_alloc).
  void add(KeyId id, const double* row);

  /// An empty sample with the same parameters that refuses what this one would refuse: made for the rows of
  /// one batch, since none but those that this sample would keep can matter to the merged one.
  RowSample fresh() const;

  /// Adds the rows of `other` (same dim, capacity and seed; disjoint ids). After reserve(other) it cannot
  /// throw.
  void merge(const RowSample& other);
  void reserve(const RowSample& other);

  /// Hashes of the kept rows, in no order; and a sample of those with a hash of at most `highest`. Samples
  /// that several holders are to merge need no more than the k least of all hashes.
  std::vector<std::uint64_t> hashes() const;
  RowSample up_to(std::uint64_t highest) const;

  /// Kept rows by ascending (hash, id).
  struct Sorted {
    std::vector<KeyId> ids;
    RowStore rows;
    friend bool operator==(const Sorted&, const Sorted&) = default;
  };
  Sorted sorted() const;

  /// Equal parameters and equal rows kept, bit for bit.
  friend bool operator==(const RowSample& a, const RowSample& b);

  /// u64 size  { u64 stream  u64 row }[size] by ascending (hash, id)  rows (row_bytes.hpp).
  void put(ByteWriter& out) const;
  /// Inverse of put for a sample of these parameters. Throws Corrupt for anything put cannot have written.
  static RowSample get(ByteReader& in, std::size_t dim, std::size_t capacity, std::uint64_t seed);

  std::size_t memory_bytes() const { return heap_.capacity() * sizeof(Entry) + rows_.memory_bytes(); }

 private:
  struct Entry {
    std::uint64_t hash = 0;
    KeyId id;
    std::size_t slot = 0;  // where in rows_; not part of the order
    friend bool operator<(const Entry& a, const Entry& b) {
      return a.hash != b.hash ? a.hash < b.hash : a.id < b.id;
    }
  };

  std::uint64_t hash(KeyId id) const;
  bool admits(const Entry& e) const;
  std::vector<Entry> ordered() const;
  void insert(const Entry& e);  // the row is in its slot; cannot throw once there is room
  void compact();

  std::size_t capacity_;
  std::uint64_t seed_;
  std::uint64_t key_;  // seed_ for this purpose
  Entry bar_;          // entries at or above it are refused, if has_bar_
  bool has_bar_ = false;
  std::vector<Entry> heap_;  // greatest first
  RowStore rows_;            // by slot; slots of rows that were displaced are dead until compact()
};

}  // namespace heavykeys::detail
