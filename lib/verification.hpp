// The second pass with the threads of a backend.
#pragma once

#include "heavykeys/verification.hpp"
#include "lib/siblings.hpp"
#include "lib/workers.hpp"

namespace heavykeys::detail {

HEAVYKEYS_SIBLINGS void absorb_with(Verification& pass, const Rows& keys, const Workers& workers);

}  // namespace heavykeys::detail
