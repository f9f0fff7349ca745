// Elements of a view in the memory of the device, in the type attention computes in. The conversions are
// those of lib/dtype.cpp, bit by bit.
#pragma once

#include "cuda/attention_math.cuh"
#include "heavykeys/rows.hpp"

namespace heavykeys::cuda::detail {

/// A TensorView without its extents; strides in elements.
struct View {
  void* data = nullptr;
  Dtype dtype = Dtype::f32;
  std::int64_t batch_stride = 0, head_stride = 0, row_stride = 0, column_stride = 1;

  HEAVYKEYS_DEVICE std::int64_t row(std::int64_t b, std::int64_t h, std::int64_t r) const {
    return b * batch_stride + h * head_stride + r * row_stride;
  }
};

HEAVYKEYS_DEVICE float float_of_half(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
  const std::uint32_t size = static_cast<std::uint32_t>(bits & 0x7fffu) << 13;
  const std::uint32_t finite = bits_of(__builtin_bit_cast(float, size) * 0x1p112f);
  const std::uint32_t special = size | 0x7f800000u;
  return __builtin_bit_cast(float, (size >= 0x0f800000u ? special : finite) | sign);
}

HEAVYKEYS_DEVICE std::uint16_t half_of_float(float value) {
  const std::uint32_t bits = bits_of(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t size = bits & 0x7fffffffu;
  std::uint32_t half = 0;
  if (size > 0x7f800000u) {
    half = 0x7e00u;
  } else if (size >= 0x47800000u) {  // 2^16 and above
    half = 0x7c00u;
  } else if (size < 0x38800000u) {  // below 2^-14
    half = bits_of(__builtin_bit_cast(float, size) + 0.5f) - 0x3f000000u;
  } else {
    half = (size + 0xfffu + ((size >> 13) & 1u) - 0x38000000u) >> 13;
  }
  return static_cast<std::uint16_t>(sign | half);
}

HEAVYKEYS_DEVICE std::uint16_t bfloat16_of_float(float value) {
  const std::uint32_t bits = bits_of(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

/// T: double of float64.
template <class T>
HEAVYKEYS_DEVICE T load_element(const View& view, std::int64_t at) {
  if constexpr (sizeof(T) == 8) {
    if (view.dtype == Dtype::f64) return static_cast<const double*>(view.data)[at];
  }
  if (view.dtype == Dtype::f32) return static_cast<const float*>(view.data)[at];
  const std::uint16_t bits = static_cast<const std::uint16_t*>(view.data)[at];
  return view.dtype == Dtype::f16 ? float_of_half(bits)
                                  : __builtin_bit_cast(float, static_cast<std::uint32_t>(bits) << 16);
}

HEAVYKEYS_DEVICE void store_element(const View& view, std::int64_t at, float value) {
  if (view.dtype == Dtype::f32) {
    static_cast<float*>(view.data)[at] = value;
  } else {
    static_cast<std::uint16_t*>(view.data)[at] =
        view.dtype == Dtype::f16 ? half_of_float(value) : bfloat16_of_float(value);
  }
}
HEAVYKEYS_DEVICE void store_element(const View& view, std::int64_t at, double value) {
  if (view.dtype == Dtype::f64) {
    static_cast<double*>(view.data)[at] = value;
  } else {
    store_element(view, at, static_cast<float>(value));
  }
}

}  // namespace heavykeys::cuda::detail
