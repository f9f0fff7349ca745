// The instruction set in use, for the code that chooses between kernels.
#pragma once

namespace heavykeys::detail {

enum class Isa { portable, avx2, avx512, avx512_vnni, amx };

/// Settles the choice on first use; every path into the kernels calls it first.
Isa current_isa();

}  // namespace heavykeys::detail
