// An .npy stream on stdin.
#pragma once

#include <memory>

#include "heavykeys/files.hpp"
#include "tools/key_source.hpp"

namespace heavykeys::tools {

/// Keys as they arrive, through two buffers: one is absorbed while the other fills. Never the whole in
/// memory.
std::unique_ptr<KeySource> open_stdin_keys();

/// A whole tensor, held in memory.
Tensor read_stdin_tensor();

}  // namespace heavykeys::tools
