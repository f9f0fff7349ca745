// Sparse patterns from files.
#pragma once

#include <string>

#include "heavykeys/sparse_pattern.hpp"

namespace heavykeys::tools {

/// A dense .npy [L, L'] or FILE.safetensors:TENSOR, or a folder with indptr.npy and indices.npy (int64) and
/// values.npy (float64); there L' is the greater of L and the number after the greatest
/// index. Throws InvalidInput with the file
/// in front.
SparsePattern read_pattern(const std::string& name);

}  // namespace heavykeys::tools
