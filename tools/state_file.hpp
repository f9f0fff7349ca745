// Reading a state file that the user named.
#pragma once

#include <string>

#include "heavykeys/sketch.hpp"

namespace heavykeys::tools {

/// Throws InvalidInput when the file cannot be read, Corrupt when it is not intact; both name the file.
Sketch load_state(const std::string& file);

}  // namespace heavykeys::tools
