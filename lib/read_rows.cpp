// The loops over elements: dtype and strides are looked at once a row, not once an element.
#include "lib/read_rows.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "heavykeys/error.hpp"
#include "lib/block_kernels.hpp"
#include "lib/dtype.hpp"

namespace heavykeys::detail {

namespace {

struct Float64 {
  using Stored = double;
  using Bits = std::uint64_t;
  static constexpr Bits kInfinity = 0x7ff0000000000000;
  static double value(double v) { return v; }
};
struct Float32 {
  using Stored = float;
  using Bits = std::uint32_t;
  static constexpr Bits kInfinity = 0x7f800000;
  static float value(float v) { return v; }
};
struct Float16 {
  using Stored = std::uint16_t;
  using Bits = std::uint16_t;
  static constexpr Bits kInfinity = 0x7c00;
  static float value(std::uint16_t v) { return half_to_float(v); }
};
struct Bfloat16 {
  using Stored = std::uint16_t;
  using Bits = std::uint16_t;
  static constexpr Bits kInfinity = 0x7f80;
  static float value(std::uint16_t v) { return bfloat16_to_float(v); }
};

/// use(kind) for the kind of this dtype.
template <class Use>
void with_kind(Dtype dtype, Use use) {
  switch (dtype) {
    case Dtype::f64:
      return use(Float64{});
    case Dtype::f32:
      return use(Float32{});
    case Dtype::f16:
      return use(Float16{});
    case Dtype::bf16:
      return use(Bfloat16{});
  }
}

template <class T>
T load(const std::byte* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

template <class T>
bool is_aligned(const void* p) {
  return reinterpret_cast<std::uintptr_t>(p) % alignof(T) == 0;
}

/// body(c, element c of row r as it is stored, or its bits) for all c.
template <class T, class Body>
void each(const Rows& rows, std::size_t r, Body body) {
  constexpr auto kSize = static_cast<std::ptrdiff_t>(sizeof(T));
  const auto* p =
      static_cast<const std::byte*>(rows.data) + static_cast<std::ptrdiff_t>(r) * rows.row_stride * kSize;
  if (rows.column_stride == 1) {  // the loop that compilers vectorise
    for (std::size_t c = 0; c < rows.dim; ++c) body(c, load<T>(p + c * sizeof(T)));
  } else {
    const std::ptrdiff_t step = rows.column_stride * kSize;
    for (std::size_t c = 0; c < rows.dim; ++c) body(c, load<T>(p + static_cast<std::ptrdiff_t>(c) * step));
  }
}

bool is_float(double v) {
  // Past FLT_MAX the cast is undefined.
  return std::fabs(v) <= 0x1.fffffep127 && static_cast<double>(static_cast<float>(v)) == v;
}

/// Of most numbers that are floats: zeros, and normal floats. Without a branch, so that loops are vectorised.
bool is_plain_float(std::uint64_t bits) {
  constexpr auto kLeast = std::bit_cast<std::uint64_t>(0x1p-126),
                 kMost = std::bit_cast<std::uint64_t>(0x1.fffffep127);
  const std::uint64_t size = bits & (~std::uint64_t{0} >> 1);
  const bool normal = size - kLeast <= kMost - kLeast;
  return (size == 0) | (((bits & 0x1fffffff) == 0) & normal);
}

template <class Kind>
bool is_finite_row(const Rows& rows, std::size_t r) {
  using Bits = typename Kind::Bits;
  Bits bad = 0;
  each<Bits>(rows, r, [&](std::size_t, Bits bits) {
    bad |= static_cast<Bits>((bits & Kind::kInfinity) == Kind::kInfinity);
  });
  return bad == 0;
}

[[noreturn]] void refuse(const Rows& rows, std::size_t r) {
  std::vector<double> row(rows.dim);
  read_row(rows, r, row.data());
  const auto bad = std::ranges::find_if(row, [](double x) { return !std::isfinite(x); });
  const auto c = static_cast<std::size_t>(bad - row.begin());
  const double v = *bad;
  std::string text = std::isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf";
  text += " at row " + std::to_string(rows.first_id + r) + ", column " + std::to_string(c);
  if (rows.stream != 0) text += ", stream " + std::to_string(rows.stream);
  throw InvalidInput(text);
}

}  // namespace

void read_row(const Rows& rows, std::size_t r, double* out) {
  if (rows.dtype == Dtype::f32 && rows.column_stride == 1 && is_aligned<float>(rows.data)) {
    const auto* data = static_cast<const float*>(rows.data);
    return widen_floats(data + static_cast<std::ptrdiff_t>(r) * rows.row_stride, rows.dim, out);
  }
  with_kind(rows.dtype, [&](auto kind) {
    each<typename decltype(kind)::Stored>(
        rows, r, [&](std::size_t c, auto v) { out[c] = static_cast<double>(kind.value(v)); });
  });
}

void read_floats(const Rows& rows, float* out) {
  with_kind(rows.dtype, [&](auto kind) {
    for (std::size_t r = 0; r < rows.count; ++r, out += rows.dim) {
      each<typename decltype(kind)::Stored>(
          rows, r, [&](std::size_t c, auto v) { out[c] = static_cast<float>(kind.value(v)); });
    }
  });
}

bool fits_float(const Rows& rows) {
  if (rows.dtype != Dtype::f64) return true;
  bool fits = true;
  for (std::size_t r = 0; fits && r < rows.count; ++r) {
    std::uint64_t others = 0;
    each<std::uint64_t>(rows, r, [&](std::size_t, std::uint64_t bits) {
      others |= static_cast<std::uint64_t>(!is_plain_float(bits));
    });
    if (others != 0) each<double>(rows, r, [&](std::size_t, double v) { fits = fits && is_float(v); });
  }
  return fits;
}

void require_finite(const Rows& rows) {
  with_kind(rows.dtype, [&](auto kind) {
    for (std::size_t r = 0; r < rows.count; ++r) {
      if (!is_finite_row<decltype(kind)>(rows, r)) refuse(rows, r);
    }
  });
}

}  // namespace heavykeys::detail
