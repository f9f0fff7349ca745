// What a sketch run begins with.
#pragma once

#include "heavykeys/sketch.hpp"
#include "tools/key_source.hpp"
#include "tools/options.hpp"

namespace heavykeys::tools {

/// As asked for, for keys of this shape. Without --resume.
Spec new_spec(const SketchOptions& options, std::size_t dim, int grid_bits);

/// The sketch to go on with: a new one, or the older state, which must be about such keys.
/// Throws Incompatible when it is not, with both values.
Sketch first_state(const SketchOptions& options, const KeySource& keys);

}  // namespace heavykeys::tools
