#include "support/tensor.hpp"

#include <limits>

#include "support/convert.hpp"

namespace support {

using heavykeys::Dtype;

TensorBuffer::TensorBuffer(Dtype dtype, Lie lie, std::size_t batch, std::size_t heads, std::size_t rows,
                           std::size_t dim) {
  const auto b = static_cast<std::ptrdiff_t>(batch), h = static_cast<std::ptrdiff_t>(heads);
  const auto s = static_cast<std::ptrdiff_t>(rows), d = static_cast<std::ptrdiff_t>(dim);
  std::size_t elements = batch * heads * rows * dim;
  if (lie == Lie::scattered) {
    const std::ptrdiff_t row = 2 * d + 3, head = s * row + 5;
    view_ = {nullptr, dtype, batch, heads, rows, dim, h * head, head, -row, 2};
    elements = static_cast<std::size_t>(b * h * head + 2 * d);
    if (rows > 0) origin_ = (rows - 1) * static_cast<std::size_t>(row) * heavykeys::size_of(dtype);
  } else {
    view_ = heavykeys::tensor(static_cast<void*>(nullptr), dtype,
                              lie == Lie::bhsd ? heavykeys::Layout::bhsd : heavykeys::Layout::bshd, batch,
                              heads, rows, dim);
  }
  const std::size_t size = heavykeys::size_of(dtype);
  bytes_.resize(elements * size);
  for (std::size_t i = 0; i < elements; ++i) {
    store(bytes_.data() + i * size, std::numeric_limits<double>::quiet_NaN(), dtype);
  }
}

template <class Visit>
void TensorBuffer::for_elements(Visit visit) const {
  const auto size = static_cast<std::ptrdiff_t>(heavykeys::size_of(view_.dtype));
  std::size_t index = 0;
  for (std::size_t b = 0; b < view_.batch; ++b) {
    for (std::size_t h = 0; h < view_.heads; ++h) {
      for (std::size_t r = 0; r < view_.rows; ++r) {
        for (std::size_t c = 0; c < view_.dim; ++c) {
          const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(b) * view_.batch_stride +
                                    static_cast<std::ptrdiff_t>(h) * view_.head_stride +
                                    static_cast<std::ptrdiff_t>(r) * view_.row_stride +
                                    static_cast<std::ptrdiff_t>(c) * view_.column_stride;
          visit(index++, static_cast<std::size_t>(static_cast<std::ptrdiff_t>(origin_) + at * size));
        }
      }
    }
  }
}

void TensorBuffer::fill(const std::vector<double>& values) {
  for_elements([&](std::size_t i, std::size_t at) {
    store(bytes_.data() + at, round_to(values[i], view_.dtype), view_.dtype);
  });
}

std::vector<double> TensorBuffer::values() const {
  std::vector<double> out(view_.batch * view_.heads * view_.rows * view_.dim);
  for_elements([&](std::size_t i, std::size_t at) { out[i] = load(bytes_.data() + at, view_.dtype); });
  return out;
}

bool TensorBuffer::gaps_are_untouched() const {
  const std::size_t size = heavykeys::size_of(view_.dtype);
  std::vector<bool> is_element(bytes_.size() / size);
  for_elements([&](std::size_t, std::size_t at) { is_element[at / size] = true; });
  for (std::size_t i = 0; i < is_element.size(); ++i) {
    const double x = load(bytes_.data() + i * size, view_.dtype);
    if (!is_element[i] && x == x) return false;
  }
  return true;
}

heavykeys::TensorView TensorBuffer::view() const {
  heavykeys::TensorView view = view_;
  view.data = bytes_.data() + origin_;
  return view;
}

heavykeys::MutableTensorView TensorBuffer::mutable_view() {
  heavykeys::MutableTensorView view = view_;
  view.data = bytes_.data() + origin_;
  return view;
}

std::vector<double> rounded(std::vector<double> values, Dtype dtype) {
  for (double& x : values) x = round_to(x, dtype);
  return values;
}

}  // namespace support
