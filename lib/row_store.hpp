// Rows the sketch keeps: as float32 while every value is one, as float64 from the first that is not.
// The width is a function of the values, so stores with equal rows have equal bytes.
#pragma once

#include <cstddef>
#include <vector>

#include "heavykeys/rows.hpp"
#include "lib/siblings.hpp"

namespace heavykeys::detail {

class HEAVYKEYS_SIBLINGS RowStore {
 public:
  explicit RowStore(std::size_t dim) : dim_(dim) {}

  std::size_t dim() const { return dim_; }
  std::size_t count() const { return dim_ == 0 ? 0 : (wide_ ? doubles_.size() : floats_.size()) / dim_; }
  bool is_wide() const { return wide_; }
  std::size_t memory_bytes() const { return floats_.capacity() * 4 + doubles_.capacity() * 8; }

  /// Appends; unchanged when it throws. Minus zero becomes zero: equal values, equal bytes.
  void append(const Rows& rows);
  void append(const double* row);
  void append(const RowStore& other) { append(other.view()); }

  /// Makes room, and widens, so that the next append of `extra` rows (wide or not) cannot throw.
  void reserve(std::size_t extra, bool wide);

  void read(std::size_t i, double* out) const;
  /// Keeps only the rows named, ascending.
  void keep(const std::vector<std::size_t>& rows);

  Rows view(std::uint64_t first_id = 0, std::uint64_t stream = 0) const;
  const void* data() const { return wide_ ? static_cast<const void*>(doubles_.data()) : floats_.data(); }

  friend bool operator==(const RowStore&, const RowStore&) = default;

 private:
  void widen();
  std::size_t dim_;
  bool wide_ = false;
  std::vector<float> floats_;
  std::vector<double> doubles_;
};

}  // namespace heavykeys::detail
