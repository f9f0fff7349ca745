#include "lib/dtype.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <string>

#include "heavykeys/error.hpp"

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

namespace {

template <class T>
T load(const std::byte* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

double load_element(const std::byte* p, Dtype dtype) {
  switch (dtype) {
    case Dtype::f64:
      return load<double>(p);
    case Dtype::f32:
      return static_cast<double>(load<float>(p));
    case Dtype::f16:
      return static_cast<double>(half_to_float(load<std::uint16_t>(p)));
    case Dtype::bf16:
      return static_cast<double>(bfloat16_to_float(load<std::uint16_t>(p)));
  }
  return 0.0;
}

const std::byte* row_start(const Rows& rows, std::size_t r) {
  return static_cast<const std::byte*>(rows.data) +
         static_cast<std::ptrdiff_t>(r) * rows.row_stride * static_cast<std::ptrdiff_t>(size_of(rows.dtype));
}

std::ptrdiff_t column_step(const Rows& rows) {
  return rows.column_stride * static_cast<std::ptrdiff_t>(size_of(rows.dtype));
}

template <class T, class Convert>
void floats_of_row(const std::byte* p, std::ptrdiff_t step, std::size_t dim, float* out, Convert convert) {
  if (step == static_cast<std::ptrdiff_t>(sizeof(T))) {  // contiguous: the loop compilers vectorise
    for (std::size_t c = 0; c < dim; ++c) out[c] = convert(load<T>(p + c * sizeof(T)));
  } else {
    for (std::size_t c = 0; c < dim; ++c)
      out[c] = convert(load<T>(p + static_cast<std::ptrdiff_t>(c) * step));
  }
}

}  // namespace

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

double element(const Rows& rows, std::size_t r, std::size_t c) {
  return load_element(row_start(rows, r) + static_cast<std::ptrdiff_t>(c) * column_step(rows), rows.dtype);
}

void read_row(const Rows& rows, std::size_t r, double* out) {
  const std::byte* p = row_start(rows, r);
  const std::ptrdiff_t step = column_step(rows);
  for (std::size_t c = 0; c < rows.dim; ++c) {
    out[c] = load_element(p + static_cast<std::ptrdiff_t>(c) * step, rows.dtype);
  }
}

void read_floats(const Rows& rows, float* out) {
  const std::ptrdiff_t step = column_step(rows);
  for (std::size_t r = 0; r < rows.count; ++r, out += rows.dim) {
    const std::byte* p = row_start(rows, r);
    switch (rows.dtype) {
      case Dtype::f64:
        floats_of_row<double>(p, step, rows.dim, out, [](double v) { return static_cast<float>(v); });
        break;
      case Dtype::f32:
        floats_of_row<float>(p, step, rows.dim, out, [](float v) { return v; });
        break;
      case Dtype::f16:
        floats_of_row<std::uint16_t>(p, step, rows.dim, out, half_to_float);
        break;
      case Dtype::bf16:
        floats_of_row<std::uint16_t>(p, step, rows.dim, out, bfloat16_to_float);
        break;
    }
  }
}

bool fits_float(const Rows& rows) {
  if (rows.dtype != Dtype::f64) return true;
  for (std::size_t r = 0; r < rows.count; ++r) {
    for (std::size_t c = 0; c < rows.dim; ++c) {
      const double v = element(rows, r, c);
      if (std::fabs(v) > 0x1.fffffep127) return false;  // past FLT_MAX the cast is undefined
      if (static_cast<double>(static_cast<float>(v)) != v) return false;
    }
  }
  return true;
}

void require_finite(const Rows& rows) {
  for (std::size_t r = 0; r < rows.count; ++r) {
    for (std::size_t c = 0; c < rows.dim; ++c) {
      const double v = element(rows, r, c);
      if (std::isfinite(v)) continue;
      std::string text = std::isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf";
      text += " at row " + std::to_string(rows.first_id + r) + ", column " + std::to_string(c);
      if (rows.stream != 0) text += ", stream " + std::to_string(rows.stream);
      throw InvalidInput(text);
    }
  }
}

}  // namespace detail
}  // namespace heavykeys
