// From a call to numbers and pointers: what kernels are given and where their workspace lies. No CUDA here,
// so that the tests plan their runs on the host with it.
#pragma once

#include <cstddef>

#include "cuda/problem.cuh"
#include "heavykeys/attention.hpp"
#include "heavykeys/cuda.hpp"
#include "lib/attention_shape.hpp"

namespace heavykeys::cuda::detail {

using heavykeys::detail::AttentionShape;

/// Blocks of threads to a launch at most: more than any device runs at once. Each has its sums in the
/// workspace.
inline constexpr std::int64_t kMostBlocks = 512;
inline constexpr std::size_t kAlignment = 256;

/// Offsets in bytes; the Status lies at 0.
struct WorkspaceLayout {
  std::size_t mean = 0, sums = 0, bytes = 0;
};

template <class T>
WorkspaceLayout forward_layout(std::int64_t units, std::int64_t lanes, std::int64_t dv);
template <class T>
WorkspaceLayout backward_layout(std::int64_t units, std::int64_t lanes, std::int64_t n, std::int64_t d,
                                std::int64_t dv);

/// Parts of the queries of all units.
template <class T>
std::int64_t parts(const Problem<T>& p);

/// Blocks of keys of the longest list, of which `longest` are of the set.
std::int64_t key_blocks(const AttentionShape& shape, std::int64_t longest);

template <class T>
Problem<T> forward_problem(const AttentionShape& shape, const TensorView& queries, const TensorView& keys,
                           const TensorView& values, const Lists& lists, const MutableTensorView& out,
                           const DeviceSums& sums, void* workspace);

template <class T>
Problem<T> backward_problem(const AttentionShape& shape, const TensorView& queries, const TensorView& keys,
                            const TensorView& values, const Lists& lists, std::int64_t longest,
                            const TensorView& out, const DeviceSums& sums, const TensorView& grad_out,
                            const AttendGradients& gradients, void* workspace);

/// What the workspace begins with.
Status first_status(const AttentionShape& shape);

/// Throws InvalidInput for what a status says.
void require_sound(const Status& status);

}  // namespace heavykeys::cuda::detail
