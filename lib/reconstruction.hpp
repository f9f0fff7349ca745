// Reconstruction with the threads of a backend.
#pragma once

#include "heavykeys/reconstruction.hpp"
#include "lib/siblings.hpp"
#include "lib/workers.hpp"

namespace heavykeys::detail {

HEAVYKEYS_SIBLINGS std::vector<double> reconstruct_with(const Reconstructor& reconstructor,
                                                        const Rows& partial, const Workers& workers);

HEAVYKEYS_SIBLINGS void attend_with(const TensorView& queries, const TensorView& keys,
                                    const TensorView& values, std::span<const Reconstructor> reconstructors,
                                    const AttendOptions& options, const MutableTensorView& out,
                                    const Workers& workers);

}  // namespace heavykeys::detail
