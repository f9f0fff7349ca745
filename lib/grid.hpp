// The grid of a block: where floating-point keys become integers (DESIGN section 3).
#pragma once

#include <cstdint>
#include <vector>

#include "heavykeys/rows.hpp"

namespace heavykeys::detail {

/// Column exponents of a block: the least e with max|k| < 2^e, kZeroColumn for a column of zeros.
/// Throws InvalidInput naming row and column when an element is NaN or infinite.
std::vector<int> fit_grid(const Rows& block);

/// q = round_half_even(k * 2^(P - e)); |q| <= 2^P. The one exception keeps K~ finite: at e = 1024,
/// the top binade of float64, |q| saturates at 2^P - 1.
void quantise(const Rows& rows, const std::vector<int>& exponents, int grid_bits, std::int32_t* q,
              std::size_t stride);

/// k~ = q * 2^(e - P), exactly.
double gridded_value(std::int32_t q, int exponent, int grid_bits);

}  // namespace heavykeys::detail
