// A view of rows that live elsewhere: keys or queries, in the caller's memory, never copied to be read.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace heavykeys {
#pragma GCC visibility push(default)

/// IEEE binary64/32/16 and bfloat16, native (little-endian) byte order.
enum class Dtype : std::uint8_t { f64, f32, f16, bf16 };

/// Bytes of one element: 8, 4, 2, 2.
std::size_t size_of(Dtype dtype);

/// "float64", "float32", "float16", "bfloat16".
std::string_view name_of(Dtype dtype);

/// The design's P for keys of this type: 24 for float64 and float32, 20 for float16 and bfloat16.
int default_grid_bits(Dtype dtype);

/// Rows [first_id, first_id + count) of stream `stream`, as a non-owning strided view.
/// Element (r, c) lies at data + (r * row_stride + c * column_stride) * size_of(dtype).
/// A paged KV cache is a sequence of Rows.
struct Rows {
  const void* data = nullptr;        ///< element (0, 0)
  Dtype dtype = Dtype::f32;          ///< of elements
  std::size_t count = 0;             ///< n
  std::size_t dim = 0;               ///< d
  std::ptrdiff_t row_stride = 0;     ///< in elements
  std::ptrdiff_t column_stride = 1;  ///< in elements
  std::uint64_t first_id = 0;        ///< id of row 0 within its stream
  std::uint64_t stream = 0;          ///< shards that do not know each other's length are streams

  /// Rows [begin, begin + length) of this view, ids moved along.
  Rows slice(std::size_t begin, std::size_t length) const;
};

/// Contiguous row-major [count, dim].
Rows rows(const float* data, std::size_t count, std::size_t dim, std::uint64_t first_id = 0);
/// Likewise.
Rows rows(const double* data, std::size_t count, std::size_t dim, std::uint64_t first_id = 0);
/// Likewise, of any type of element.
Rows rows(const void* data, Dtype dtype, std::size_t count, std::size_t dim, std::uint64_t first_id = 0);

/// Name of a row everywhere in the library: which stream, and which row of it. Ordered.
struct KeyId {
  std::uint64_t stream = 0;  ///< see Rows
  std::uint64_t row = 0;     ///< id within the stream

  friend bool operator==(const KeyId&, const KeyId&) = default;
  friend auto operator<=>(const KeyId&, const KeyId&) = default;
};

#pragma GCC visibility pop

}  // namespace heavykeys
