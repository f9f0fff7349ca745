// The grid of a block: where floating-point keys become integers (docs/theory.md, "The grid").
#pragma once

#include <cstdint>
#include <vector>

#include "heavykeys/rows.hpp"
#include "lib/aligned.hpp"

namespace heavykeys::detail {

/// Column exponents of a block: the least e with max|k| < 2^e, kZeroColumn for a column of zeros.
/// Throws InvalidInput naming row and column when an element is NaN or infinite.
std::vector<int> fit_grid(const Rows& block);

/// q = round_half_even(k * 2^(P - e)); |q| <= 2^P. The one exception keeps K~ finite: at e = 1024,
/// the top binade of float64, |q| saturates at 2^P - 1.
void quantise(const Rows& rows, const std::vector<int>& exponents, int grid_bits, std::int32_t* q,
              std::size_t stride);

/// The scales 2^(P - e) as float32, `width` of them (zero for zero columns and padding), if rows of this
/// view can be quantised in float32: contiguous float32 columns and exponents in its range. Else empty.
AlignedVector<float> float_scales(const Rows& rows, const std::vector<int>& exponents, int grid_bits,
                                  std::size_t width);

/// k~ = q * 2^(e - P), exactly.
double gridded_value(std::int32_t q, int exponent, int grid_bits);

}  // namespace heavykeys::detail
