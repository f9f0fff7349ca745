// Which instruction set the CPU kernels use. It decides the speed, never a byte.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace heavykeys {
#pragma GCC visibility push(default)

/// Names usable here, slowest first: "portable" always, then of "avx2", "avx512", "avx512_vnni", "amx" those
/// that this processor and operating system support.
std::vector<std::string> available_isas();

/// The one in use: the last of available_isas(), unless the environment variable HEAVYKEYS_ISA
/// (read at first use) or set_isa chose another. A name in the environment that cannot be had is a
/// BackendError at every use until set_isa chooses one that can.
std::string active_isa();

/// Uses this instruction set from now on, in the whole process.
/// Throws BackendError, naming those available, when it cannot be had: never a silent fallback.
void set_isa(std::string_view name);

#pragma GCC visibility pop

}  // namespace heavykeys
