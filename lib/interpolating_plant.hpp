// The interpolating construction (docs/theory.md, T10): random keys, and queries that interpolate on them.
#pragma once

#include "heavykeys/sparse_pattern.hpp"

namespace heavykeys::detail {

/// Fills queries and keys for planted.options.dim, which must be at least the entries of any row.
void plant_by_interpolation(const SparsePattern& pattern, Planted& planted);

}  // namespace heavykeys::detail
