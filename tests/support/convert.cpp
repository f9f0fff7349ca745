#include "support/convert.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace support {
namespace {

using heavykeys::Dtype;

struct Format {
  int mantissa_bits;  // stored
  int exponent_bits;
};

Format format(Dtype dtype) {
  switch (dtype) {
    case Dtype::f64:
      return {52, 11};
    case Dtype::f32:
      return {23, 8};
    case Dtype::f16:
      return {10, 5};
    case Dtype::bf16:
      return {7, 8};
  }
  return {};
}

int bias(Format f) { return (1 << (f.exponent_bits - 1)) - 1; }

// The bit pattern of a value that the format holds exactly, and of NaN and infinity.
std::uint64_t encode(double x, Format f) {
  const std::uint64_t sign = std::signbit(x) ? std::uint64_t{1} << (f.mantissa_bits + f.exponent_bits) : 0;
  const std::uint64_t special = ((std::uint64_t{1} << f.exponent_bits) - 1) << f.mantissa_bits;
  if (std::isnan(x)) return sign | special | (std::uint64_t{1} << (f.mantissa_bits - 1));
  if (std::isinf(x)) return sign | special;
  if (x == 0) return sign;
  const int e = std::max(std::ilogb(x), 1 - bias(f));
  const auto q = static_cast<std::uint64_t>(std::ldexp(std::abs(x), f.mantissa_bits - e));
  const std::uint64_t hidden = std::uint64_t{1} << f.mantissa_bits;
  if (q < hidden) return sign | q;  // subnormal
  return sign | (static_cast<std::uint64_t>(e + bias(f)) << f.mantissa_bits) | (q - hidden);
}

}  // namespace

void store(std::byte* to, double x, Dtype dtype) {
  const std::uint64_t pattern = encode(x, format(dtype));
  std::memcpy(to, &pattern, heavykeys::size_of(dtype));  // little-endian, as the library requires
}

double load(const std::byte* from, Dtype dtype) {
  const Format f = format(dtype);
  std::uint64_t pattern = 0;
  std::memcpy(&pattern, from, heavykeys::size_of(dtype));
  const double sign = pattern >> (f.mantissa_bits + f.exponent_bits) ? -1.0 : 1.0;
  const auto top = (std::uint64_t{1} << f.exponent_bits) - 1;
  const auto exponent = static_cast<int>(pattern >> f.mantissa_bits & top);
  const std::uint64_t hidden = std::uint64_t{1} << f.mantissa_bits;
  const std::uint64_t fraction = pattern & (hidden - 1);
  if (exponent == static_cast<int>(top)) {
    return fraction ? std::numeric_limits<double>::quiet_NaN()
                    : sign * std::numeric_limits<double>::infinity();
  }
  const auto digits = static_cast<double>(exponent == 0 ? fraction : fraction | hidden);
  return sign * std::ldexp(digits, std::max(exponent, 1) - bias(f) - f.mantissa_bits);
}

double round_to(double x, Dtype dtype) {
  if (dtype == Dtype::f64 || !std::isfinite(x) || x == 0) return x;
  const Format f = format(dtype);
  const int e = std::max(std::ilogb(x), 1 - bias(f));
  const double q = std::nearbyint(std::ldexp(x, f.mantissa_bits - e));
  const double most = std::ldexp(2.0 - std::ldexp(1.0, -f.mantissa_bits), bias(f));
  return std::clamp(std::ldexp(q, e - f.mantissa_bits), -most, most);
}

Buffer::Buffer(const Matrix& matrix, Dtype dtype, const Layout& layout) : values_(matrix) {
  const std::size_t size = heavykeys::size_of(dtype);
  const std::size_t n = matrix.rows, d = matrix.cols;
  const std::size_t width = d * layout.column_stride + layout.row_padding;
  bytes_.resize((n * width + 1) * size);
  for (std::size_t i = 0; i * size < bytes_.size(); ++i) {
    store(bytes_.data() + i * size, std::numeric_limits<double>::quiet_NaN(), dtype);
  }
  view_.dtype = dtype;
  view_.count = n;
  view_.dim = d;
  view_.row_stride = static_cast<std::ptrdiff_t>(width) * (layout.rows_backwards ? -1 : 1);
  view_.column_stride =
      static_cast<std::ptrdiff_t>(layout.column_stride) * (layout.columns_backwards ? -1 : 1);
  if (layout.rows_backwards && n > 0) origin_ += (n - 1) * width * size;
  if (layout.columns_backwards && d > 0) origin_ += (d - 1) * layout.column_stride * size;
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t c = 0; c < d; ++c) {
      values_(r, c) = round_to(matrix(r, c), dtype);
      const auto at = static_cast<std::ptrdiff_t>(r) * view_.row_stride +
                      static_cast<std::ptrdiff_t>(c) * view_.column_stride;
      store(bytes_.data() + static_cast<std::ptrdiff_t>(origin_) + at * static_cast<std::ptrdiff_t>(size),
            values_(r, c), dtype);
    }
  }
}

heavykeys::Rows Buffer::rows(std::uint64_t first_id, std::uint64_t stream) const {
  heavykeys::Rows view = view_;
  view.data = bytes_.data() + origin_;
  view.first_id = first_id;
  view.stream = stream;
  return view;
}

}  // namespace support
