// The calls: checked as on the CPU, planned, and put into the stream.
#include <cuda_runtime_api.h>

#include <string>

#include "cuda/device_key_sets.hpp"
#include "cuda/launch.hpp"
#include "cuda/plan.hpp"
#include "heavykeys/cuda.hpp"
#include "heavykeys/error.hpp"

namespace heavykeys::cuda {

namespace {

using heavykeys::detail::AttentionShape;
using heavykeys::detail::check_view;

void check_aligned(const void* data, std::size_t alignment, const char* name) {
  if (reinterpret_cast<std::uintptr_t>(data) % alignment == 0) return;
  throw InvalidInput(std::string(name) + ": not aligned to " + std::to_string(alignment) + " bytes");
}

void check_data(const TensorView& view, const char* name) {
  if (view.data == nullptr && view.batch * view.heads * view.rows != 0) {
    throw InvalidInput(std::string(name) + ": no data");
  }
  check_aligned(view.data, size_of(view.dtype), name);
}

void check_inputs(const AttentionShape& shape, const TensorView& queries, const TensorView& keys,
                  const TensorView& values, const DeviceSums& sums) {
  if (shape.options.normalise != Normalise::attended) {
    throw InvalidInput(
        "normalise: the sum over all keys is the CPU's for now; on a device weights are "
        "normalised over attended keys");
  }
  check_data(queries, "queries");
  check_data(keys, "keys");
  check_data(values, "values");
  if ((sums.shift == nullptr || sums.sum == nullptr) && shape.units() * shape.lanes() != 0) {
    throw InvalidInput("sums: no memory for shift or sum");
  }
  check_aligned(sums.shift, alignof(double), "sums.shift");
  check_aligned(sums.sum, alignof(double), "sums.sum");
}

void check_workspace(const Workspace& workspace, std::size_t needed) {
  if (workspace.data == nullptr || workspace.bytes < needed) {
    throw InvalidInput("workspace: " + std::to_string(workspace.data == nullptr ? 0 : workspace.bytes) +
                       " bytes; this call takes " + std::to_string(needed));
  }
  check_aligned(workspace.data, detail::kAlignment, "workspace");
}

/// The shape of a call, of which the lists are not known yet.
AttentionShape shape_of(const TensorView& queries, const TensorView& keys, const TensorView& values,
                        const AttendOptions& options) {
  const KeySets none{keys.batch,
                     keys.heads,
                     static_cast<std::int64_t>(keys.rows),
                     std::vector<std::int64_t>(keys.batch * keys.heads + 1),
                     {},
                     {}};
  return {queries, keys, values, none, options};
}

std::size_t forward_bytes(const AttentionShape& s) {
  const auto of = [&](auto zero) {
    return detail::forward_layout<decltype(zero)>(static_cast<std::int64_t>(s.units()),
                                                  static_cast<std::int64_t>(s.lanes()),
                                                  static_cast<std::int64_t>(s.dv))
        .bytes;
  };
  return s.in_double ? of(0.0) : of(0.0F);
}

std::size_t backward_bytes(const AttentionShape& s) {
  const auto of = [&](auto zero) {
    return detail::backward_layout<decltype(zero)>(
               static_cast<std::int64_t>(s.units()), static_cast<std::int64_t>(s.lanes()),
               static_cast<std::int64_t>(s.n), static_cast<std::int64_t>(s.d),
               static_cast<std::int64_t>(s.dv))
        .bytes;
  };
  return s.in_double ? of(0.0) : of(0.0F);
}

}  // namespace

std::size_t attend_workspace(const TensorView& queries, const TensorView& keys, const TensorView& values,
                             const AttendOptions& options) {
  return forward_bytes(shape_of(queries, keys, values, options));
}

std::size_t attend_backward_workspace(const TensorView& queries, const TensorView& keys,
                                      const TensorView& values, const AttendOptions& options) {
  return backward_bytes(shape_of(queries, keys, values, options));
}

void attend(const TensorView& queries, const TensorView& keys, const TensorView& values,
            const DeviceKeySets& sets, const AttendOptions& options, const MutableTensorView& out,
            const DeviceSums& sums, const Workspace& workspace, void* stream) {
  const DeviceKeySets::State& s = sets.state();
  const AttentionShape shape(queries, keys, values, s.outline, options);
  check_view(out, "out", queries.dtype, shape.batch, queries.heads, shape.m, shape.dv);
  check_inputs(shape, queries, keys, values, sums);
  check_data(out, "out");
  check_workspace(workspace, forward_bytes(shape));
  const auto launch = [&](auto zero) {
    const auto p = detail::forward_problem<decltype(zero)>(shape, queries, keys, values, s.lists, out, sums,
                                                           workspace.data);
    detail::launch_forward(p, detail::first_status(shape), stream);
  };
  shape.in_double ? launch(0.0) : launch(0.0F);
}

void attend_backward(const TensorView& queries, const TensorView& keys, const TensorView& values,
                     const DeviceKeySets& sets, const AttendOptions& options, const TensorView& out,
                     const DeviceSums& sums, const TensorView& grad_out, const AttendGradients& gradients,
                     const Workspace& workspace, void* stream) {
  const DeviceKeySets::State& s = sets.state();
  const AttentionShape shape(queries, keys, values, s.outline, options);
  const Dtype dtype = queries.dtype;
  check_view(out, "out", dtype, shape.batch, queries.heads, shape.m, shape.dv);
  check_view(grad_out, "grad_out", dtype, shape.batch, queries.heads, shape.m, shape.dv);
  check_view(gradients.queries, "gradients.queries", dtype, shape.batch, queries.heads, shape.m, shape.d);
  check_view(gradients.keys, "gradients.keys", dtype, shape.batch, shape.heads, shape.n, shape.d);
  check_view(gradients.values, "gradients.values", dtype, shape.batch, shape.heads, shape.n, shape.dv);
  check_inputs(shape, queries, keys, values, sums);
  check_data(out, "out");
  check_data(grad_out, "grad_out");
  check_data(gradients.queries, "gradients.queries");
  check_data(gradients.keys, "gradients.keys");
  check_data(gradients.values, "gradients.values");
  check_workspace(workspace, backward_bytes(shape));
  const auto launch = [&](auto zero) {
    const auto p = detail::backward_problem<decltype(zero)>(shape, queries, keys, values, s.lists, s.longest,
                                                            out, sums, grad_out, gradients, workspace.data);
    detail::launch_backward(p, detail::first_status(shape), stream);
  };
  shape.in_double ? launch(0.0) : launch(0.0F);
}

void check(const Workspace& workspace, void* stream) {
  check_workspace(workspace, sizeof(detail::Status));
  detail::Status status;
  const auto s = static_cast<cudaStream_t>(stream);
  detail::require_success(cudaMemcpyAsync(&status, workspace.data, sizeof status, cudaMemcpyDeviceToHost, s),
                          "check");
  detail::require_success(cudaStreamSynchronize(s), "check");
  detail::require_sound(status);
}

}  // namespace heavykeys::cuda
