#include "lib/dtype.hpp"

#include <bit>
#include <cstddef>

#include "heavykeys/rows.hpp"

namespace heavykeys {

std::size_t size_of(Dtype dtype) { return dtype == Dtype::f64 ? 8 : dtype == Dtype::f32 ? 4 : 2; }

std::string_view name_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::f64:
      return "float64";
    case Dtype::f32:
      return "float32";
    case Dtype::f16:
      return "float16";
    case Dtype::bf16:
      return "bfloat16";
  }
  return "unknown";
}

int default_grid_bits(Dtype dtype) { return dtype == Dtype::f64 || dtype == Dtype::f32 ? 24 : 20; }

Rows Rows::slice(std::size_t begin, std::size_t length) const {
  Rows part = *this;
  part.data = static_cast<const std::byte*>(data) +
              static_cast<std::ptrdiff_t>(begin) * row_stride * static_cast<std::ptrdiff_t>(size_of(dtype));
  part.count = length;
  part.first_id = first_id + begin;
  return part;
}

Rows rows(const void* data, Dtype dtype, std::size_t count, std::size_t dim, std::uint64_t first_id) {
  return {data, dtype, count, dim, static_cast<std::ptrdiff_t>(dim), 1, first_id, 0};
}
Rows rows(const float* data, std::size_t count, std::size_t dim, std::uint64_t first_id) {
  return rows(data, Dtype::f32, count, dim, first_id);
}
Rows rows(const double* data, std::size_t count, std::size_t dim, std::uint64_t first_id) {
  return rows(data, Dtype::f64, count, dim, first_id);
}

namespace detail {

float half_to_float(std::uint16_t bits) {
  // Put the 15 magnitude bits where float32 keeps them, then let a power of two mend the exponent
  // bias; subnormals come out exact the same way. Inf and NaN keep the top exponent.
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
  const std::uint32_t magnitude = static_cast<std::uint32_t>(bits & 0x7fffu) << 13;
  const float scaled = std::bit_cast<float>(magnitude) * 0x1p112f;
  const std::uint32_t finite = std::bit_cast<std::uint32_t>(scaled);
  const std::uint32_t special = magnitude | 0x7f800000u;
  return std::bit_cast<float>((magnitude >= 0x0f800000u ? special : finite) | sign);
}

std::uint16_t half_from_float(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<std::uint16_t>(sign | 0x7e00u);
  if (magnitude >= 0x47800000u) return static_cast<std::uint16_t>(sign | 0x7c00u);  // 2^16 and above
  if (magnitude < 0x38800000u) {
    // Below 2^-14: adding 1/2 leaves the multiple of 2^-24, rounded, in the low bits.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000u));
  }
  // 13 bits go: half of them, less one where the last that stays is even. A carry is the next exponent.
  const std::uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
}

std::uint16_t bfloat16_from_float(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace detail
}  // namespace heavykeys
