#include "lib/attention.hpp"

#include "heavykeys/parallel.hpp"
#include "lib/key_sets.hpp"
#include "lib/reconstruction.hpp"
#include "parallel/workers.hpp"

namespace heavykeys::parallel {

KeySets universal_keys(const Spec& spec, const TensorView& keys, const Options& options) {
  return detail::universal_keys_with(spec, keys, make_workers(options));
}

KeySets prefix_keys(const Spec& spec, const TensorView& keys, const Options& options) {
  return detail::prefix_keys_with(spec, keys, make_workers(options));
}

KeySets top_keys(const TensorView& keys, std::size_t budget, const Options& options) {
  return detail::top_keys_with(keys, budget, make_workers(options));
}

AttendSums attend(const TensorView& queries, const TensorView& keys, const TensorView& values,
                  const KeySets& sets, const AttendOptions& what, const MutableTensorView& out,
                  const Options& options) {
  return detail::attend_with(queries, keys, values, sets, what, out, make_workers(options));
}

void attend_backward(const TensorView& queries, const TensorView& keys, const TensorView& values,
                     const KeySets& sets, const AttendOptions& what, const TensorView& out,
                     const AttendSums& sums, const TensorView& grad_out, const AttendGradients& gradients,
                     const Options& options) {
  detail::attend_backward_with(queries, keys, values, sets, what, out, sums, grad_out, gradients,
                               make_workers(options));
}

void attend(const TensorView& queries, const TensorView& keys, const TensorView& values,
            std::span<const Reconstructor> reconstructors, const AttendOptions& what,
            const MutableTensorView& out, const Options& options) {
  detail::attend_with(queries, keys, values, reconstructors, what, out, make_workers(options));
}

std::vector<double> reconstruct(const Reconstructor& reconstructor, const Rows& partial,
                                const Options& options) {
  return detail::reconstruct_with(reconstructor, partial, make_workers(options));
}

}  // namespace heavykeys::parallel
