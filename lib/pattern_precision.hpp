// What attention has of a pattern, with the threads of a backend.
#pragma once

#include "heavykeys/sparse_pattern.hpp"
#include "lib/siblings.hpp"
#include "lib/workers.hpp"

namespace heavykeys::detail {

HEAVYKEYS_SIBLINGS PatternPrecision verify_with(const SparsePattern& pattern, const Rows& queries,
                                                const Rows& keys, const Workers& workers);

/// verify(...).meets(epsilon1, epsilon2), and over as soon as some row does not.
bool meets_with(const SparsePattern& pattern, const Rows& queries, const Rows& keys, double epsilon1,
                double epsilon2, const Workers& workers);

HEAVYKEYS_SIBLINGS SmallestDim smallest_dim_with(const SparsePattern& pattern, const PlantOptions& options,
                                                 std::size_t trials, const Workers& workers);

}  // namespace heavykeys::detail
