// Key sets with the threads of a backend.
#pragma once

#include "heavykeys/key_sets.hpp"
#include "lib/siblings.hpp"
#include "lib/workers.hpp"

namespace heavykeys::detail {

HEAVYKEYS_SIBLINGS KeySets universal_keys_with(const Spec& spec, const TensorView& keys,
                                               const Workers& workers);
HEAVYKEYS_SIBLINGS KeySets prefix_keys_with(const Spec& spec, const TensorView& keys, const Workers& workers);
HEAVYKEYS_SIBLINGS KeySets top_keys_with(const TensorView& keys, std::size_t budget, const Workers& workers);

}  // namespace heavykeys::detail
