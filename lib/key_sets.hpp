// Key sets with the threads of a backend.
#pragma once

#include "heavykeys/key_sets.hpp"
#include "lib/workers.hpp"

namespace heavykeys::detail {

KeySets universal_keys_with(const Spec& spec, const TensorView& keys, const Workers& workers);
KeySets prefix_keys_with(const Spec& spec, const TensorView& keys, const Workers& workers);
KeySets top_keys_with(const TensorView& keys, std::size_t budget, const Workers& workers);

}  // namespace heavykeys::detail
