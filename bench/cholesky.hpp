// Leverage by LAPACK in float64, uncertified: the rival of finalize, and what its results are compared with.
#pragma once

#include <cstddef>
#include <vector>

#include "heavykeys/rows.hpp"

namespace heavykeys::bench {

/// Lower Cholesky factor of gram [d, d] (both triangles or the lower one), row-major, by dpotrf.
/// Throws std::runtime_error where it is not positive definite.
std::vector<double> cholesky(std::vector<double> gram, std::size_t d);

/// |L^-1 k|^2 of every row of keys (float32, contiguous), by dtrsm on blocks of rows.
std::vector<double> leverage_by(const std::vector<double>& factor, const Rows& keys);

}  // namespace heavykeys::bench
