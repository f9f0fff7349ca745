// The causal pass with the threads of a backend.
#pragma once

#include "heavykeys/heavy_entries.hpp"
#include "lib/siblings.hpp"
#include "lib/workers.hpp"

namespace heavykeys::detail {

HEAVYKEYS_SIBLINGS void absorb_with(CausalHeavy& pass, const Rows& keys, const Workers& workers);

}  // namespace heavykeys::detail
