// How much memory this process has needed.
#pragma once

#include <cstdint>
#include <optional>

namespace heavykeys::tools {

/// Peak resident bytes since the program started, as Linux counts them (VmHWM; pages of a mapped key file
/// that are in memory count as well). Empty where /proc is not to be read.
std::optional<std::uint64_t> peak_resident_bytes();

}  // namespace heavykeys::tools
