// Whether the parts of a state that was read belong together.
#pragma once

#include "lib/sketch_state.hpp"

namespace heavykeys::detail {

/// Throws Corrupt unless candidates and sampled rows lie in complete blocks and on the grid of the Gram
/// matrix, waiting rows do not lie in complete blocks, and the Gram matrix counts the rows of complete
/// blocks. Arithmetic on a state that passes stays inside its integers, whatever else is wrong with it.
void check_together(const SketchState& s);

}  // namespace heavykeys::detail
