// Reading rows of any dtype and strides; every conversion to double is exact.
#pragma once

#include <cstddef>

#include "heavykeys/rows.hpp"
#include "lib/siblings.hpp"

namespace heavykeys::detail {

/// Row r as `dim` doubles.
HEAVYKEYS_SIBLINGS void read_row(const Rows& rows, std::size_t r, double* out);

/// All rows as contiguous float32 [count, dim]; float64 rows must hold float32 values.
void read_floats(const Rows& rows, float* out);

/// True unless some element of a float64 view is not a float32 (NaN counts as one).
HEAVYKEYS_SIBLINGS bool fits_float(const Rows& rows);

/// Throws InvalidInput naming row and column when an element is NaN or infinite.
HEAVYKEYS_SIBLINGS void require_finite(const Rows& rows);

}  // namespace heavykeys::detail
