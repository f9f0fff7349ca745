// A view of the rows of many heads: queries, keys or values as a model holds them, never copied to be read.
#pragma once

#include <cstddef>

#include "heavykeys/rows.hpp"

namespace heavykeys {
#pragma GCC visibility push(default)

/// The order in which the axes of a contiguous tensor lie in memory: batch (B), heads (H), sequence (S), dim
/// (D).
enum class Layout { bhsd, bshd };

/// [batch, heads, rows, dim] as a non-owning strided view. Element (b, h, r, c) lies at
/// data + (b batch_stride + h head_stride + r row_stride + c column_stride) * size_of(dtype); strides are in
/// elements and may be 0 or negative.
struct TensorView {
  const void* data = nullptr;        ///< element (0, 0, 0, 0)
  Dtype dtype = Dtype::f32;          ///< of elements
  std::size_t batch = 0;             ///< B
  std::size_t heads = 0;             ///< H
  std::size_t rows = 0;              ///< n, or m of queries
  std::size_t dim = 0;               ///< d
  std::ptrdiff_t batch_stride = 0;   ///< between batches
  std::ptrdiff_t head_stride = 0;    ///< between heads
  std::ptrdiff_t row_stride = 0;     ///< between rows
  std::ptrdiff_t column_stride = 1;  ///< between columns

  /// The rows of one head, with ids from 0.
  Rows head(std::size_t b, std::size_t h) const;
};

/// The same, to be written. No two elements may share memory.
struct MutableTensorView {
  void* data = nullptr;              ///< element (0, 0, 0, 0)
  Dtype dtype = Dtype::f32;          ///< of elements
  std::size_t batch = 0;             ///< B
  std::size_t heads = 0;             ///< H
  std::size_t rows = 0;              ///< n, or m of queries
  std::size_t dim = 0;               ///< d
  std::ptrdiff_t batch_stride = 0;   ///< between batches
  std::ptrdiff_t head_stride = 0;    ///< between heads
  std::ptrdiff_t row_stride = 0;     ///< between rows
  std::ptrdiff_t column_stride = 1;  ///< between columns

  /// To be read only.
  operator TensorView() const {
    return {data, dtype, batch, heads, rows, dim, batch_stride, head_stride, row_stride, column_stride};
  }
};

/// Contiguous memory in the order of `layout`.
TensorView tensor(const void* data, Dtype dtype, Layout layout, std::size_t batch, std::size_t heads,
                  std::size_t rows, std::size_t dim);
/// Likewise, to be written.
MutableTensorView tensor(void* data, Dtype dtype, Layout layout, std::size_t batch, std::size_t heads,
                         std::size_t rows, std::size_t dim);

#pragma GCC visibility pop

}  // namespace heavykeys
