#include "heavykeys/tensor.hpp"

namespace heavykeys {

namespace {

template <class View, class Data>
View contiguous(Data* data, Dtype dtype, Layout layout, std::size_t batch, std::size_t heads,
                std::size_t rows, std::size_t dim) {
  const auto d = static_cast<std::ptrdiff_t>(dim);
  const auto s = static_cast<std::ptrdiff_t>(rows), h = static_cast<std::ptrdiff_t>(heads);
  const bool heads_first = layout == Layout::bhsd;
  return {data, dtype, batch, heads, rows, dim, h * s * d, heads_first ? s * d : d, heads_first ? d : h * d,
          1};
}

}  // namespace

Rows TensorView::head(std::size_t b, std::size_t h) const {
  const std::ptrdiff_t offset =
      static_cast<std::ptrdiff_t>(b) * batch_stride + static_cast<std::ptrdiff_t>(h) * head_stride;
  const auto* start =
      static_cast<const std::byte*>(data) + offset * static_cast<std::ptrdiff_t>(size_of(dtype));
  return {start, dtype, rows, dim, row_stride, column_stride, 0, 0};
}

TensorView tensor(const void* data, Dtype dtype, Layout layout, std::size_t batch, std::size_t heads,
                  std::size_t rows, std::size_t dim) {
  return contiguous<TensorView>(data, dtype, layout, batch, heads, rows, dim);
}

MutableTensorView tensor(void* data, Dtype dtype, Layout layout, std::size_t batch, std::size_t heads,
                         std::size_t rows, std::size_t dim) {
  return contiguous<MutableTensorView>(data, dtype, layout, batch, heads, rows, dim);
}

}  // namespace heavykeys
