#include "lib/grid.hpp"

#include <algorithm>
#include <cmath>

#include "lib/exact_gram.hpp"
#include "lib/kernels.hpp"
#include "lib/powers_of_two.hpp"
#include "lib/read_rows.hpp"

namespace heavykeys::detail {

namespace {

int exponent_of(double magnitude) {
  if (magnitude == 0.0) return kZeroColumn;
  int e = 0;
  std::frexp(magnitude, &e);  // magnitude = m 2^e with m in [1/2, 1): the least e with magnitude < 2^e
  return e;
}

bool is_contiguous_float(const Rows& rows) { return rows.dtype == Dtype::f32 && rows.column_stride == 1; }

/// The float32 kernel scales by one float, so both 2^(P-e) and its products must stay in range.
bool in_float_range(const std::vector<int>& exponents, int grid_bits) {
  return std::all_of(exponents.begin(), exponents.end(), [&](int e) {
    return e == kZeroColumn || (grid_bits - e <= 127 && grid_bits - e >= -126);
  });
}

/// Adding and subtracting 1.5 * 2^52 rounds half to even; exact for |v| <= 2^51.
std::int32_t round_half_even(double v) {
  constexpr double kMagic = 0x1.8p52;
  return static_cast<std::int32_t>((v + kMagic) - kMagic);
}

/// Any dtype, any exponent: one row at a time in float64.
class DoubleQuantiser {
 public:
  DoubleQuantiser(const std::vector<int>& exponents, int grid_bits)
      : first_(exponents.size(), 0.0), second_(exponents.size(), 0.0), limit_(exponents.size(), 0) {
    for (std::size_t c = 0; c < exponents.size(); ++c) {
      const int e = exponents[c];
      if (e == kZeroColumn) continue;
      // Two exact steps, since 2^(P-e) alone can leave float64's range.
      const int shift = grid_bits - e;
      first_[c] = std::ldexp(1.0, shift / 2);
      second_[c] = std::ldexp(1.0, shift - shift / 2);
      limit_[c] = (1 << grid_bits) - (e == 1024 ? 1 : 0);
    }
  }

  void row(const double* k, std::int32_t* q) const {
    for (std::size_t c = 0; c < first_.size(); ++c) {
      const std::int32_t rounded = round_half_even(k[c] * first_[c] * second_[c]);
      q[c] = std::clamp(rounded, -limit_[c], limit_[c]);
    }
  }

 private:
  std::vector<double> first_, second_;
  std::vector<std::int32_t> limit_;
};

}  // namespace

std::vector<int> fit_grid(const Rows& block) {
  std::vector<double> greatest(block.dim, 0.0);
  bool finite = true;
  if (is_contiguous_float(block)) {
    std::vector<float> top(block.dim, 0.0f);
    finite = column_maxima(static_cast<const float*>(block.data), block.count, block.dim, block.row_stride,
                           top.data());
    std::copy(top.begin(), top.end(), greatest.begin());
  } else {
    std::vector<double> row(block.dim);
    for (std::size_t r = 0; r < block.count; ++r) {
      read_row(block, r, row.data());
      for (std::size_t c = 0; c < block.dim; ++c) {
        finite &= std::isfinite(row[c]);
        greatest[c] = std::max(greatest[c], std::fabs(row[c]));
      }
    }
  }
  if (!finite) require_finite(block);
  std::vector<int> exponents(block.dim);
  std::transform(greatest.begin(), greatest.end(), exponents.begin(), exponent_of);
  return exponents;
}

AlignedVector<float> float_scales(const Rows& rows, const std::vector<int>& exponents, int grid_bits,
                                  std::size_t width) {
  if (!is_contiguous_float(rows) || !in_float_range(exponents, grid_bits)) return {};
  AlignedVector<float> scale(width, 0.0f);
  for (std::size_t c = 0; c < rows.dim; ++c) {
    if (exponents[c] != kZeroColumn) scale[c] = std::ldexp(1.0f, grid_bits - exponents[c]);
  }
  return scale;
}

void quantise(const Rows& rows, const std::vector<int>& exponents, int grid_bits, std::int32_t* q,
              std::size_t stride) {
  if (const auto scale = float_scales(rows, exponents, grid_bits, rows.dim); !scale.empty()) {
    quantise_floats(static_cast<const float*>(rows.data), rows.count, rows.dim, rows.row_stride, scale.data(),
                    q, stride);
    return;
  }
  const DoubleQuantiser to_grid(exponents, grid_bits);
  std::vector<double> row(rows.dim);
  for (std::size_t r = 0; r < rows.count; ++r) {
    read_row(rows, r, row.data());
    to_grid.row(row.data(), q + r * stride);
  }
}

double gridded_value(std::int32_t q, int exponent, int grid_bits) {
  return q == 0 ? 0.0 : scale_far(static_cast<double>(q), exponent - grid_bits);
}

}  // namespace heavykeys::detail
