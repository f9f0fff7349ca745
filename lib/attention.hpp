// Attention with the threads of a backend.
#pragma once

#include "heavykeys/attention.hpp"
#include "lib/siblings.hpp"
#include "lib/workers.hpp"

namespace heavykeys::detail {

HEAVYKEYS_SIBLINGS AttendSums attend_with(const TensorView& queries, const TensorView& keys,
                                          const TensorView& values, const KeySets& sets,
                                          const AttendOptions& options, const MutableTensorView& out,
                                          const Workers& workers);

HEAVYKEYS_SIBLINGS void attend_backward_with(const TensorView& queries, const TensorView& keys,
                                             const TensorView& values, const KeySets& sets,
                                             const AttendOptions& options, const TensorView& out,
                                             const AttendSums& sums, const TensorView& grad_out,
                                             const AttendGradients& gradients, const Workers& workers);

}  // namespace heavykeys::detail
