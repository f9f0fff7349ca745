// The kernels of one type: included by kernels_f32.cu and kernels_f64.cu, which compile side by side.
#pragma once

#include <cuda_runtime_api.h>

#include <algorithm>

#include "cuda/backward.cuh"
#include "cuda/forward.cuh"
#include "cuda/launch.hpp"
#include "cuda/plan.hpp"

namespace heavykeys::cuda::detail {

template <class T>
struct DeviceBlock {
  Shared<T>& shared;
  Thread<T>& own;

  template <class Phase>
  __device__ __forceinline__ void each(Phase phase) {
    phase(own);
    __syncthreads();
  }
};

enum class Pass { forward, by_queries, by_keys };

/// Blocks of threads to a multiprocessor: what registers are to suffice for.
template <Pass kPass>
inline constexpr int kResident = kPass == Pass::forward ? 2 : 1;

template <class T, Pass kPass>
__global__ void __launch_bounds__(kThreads, kResident<kPass>)
    run_pass(const __grid_constant__ Problem<T> p, std::int64_t total) {
  extern __shared__ __align__(16) unsigned char memory[];
  Thread<T> own;
  own.id = static_cast<int>(threadIdx.x);
  DeviceBlock<T> block{*reinterpret_cast<Shared<T>*>(memory), own};
  for (std::int64_t i = blockIdx.x; i < total; i += gridDim.x) {
    if constexpr (kPass == Pass::forward)
      attend_part<T>(block, p, i, p.sums + blockIdx.x * forward_scratch(p));
    if constexpr (kPass == Pass::by_queries)
      by_query_part<T>(block, p, i, p.sums + blockIdx.x * by_queries_scratch(p));
    if constexpr (kPass == Pass::by_keys)
      by_key_block<T>(block, p, i, p.sums + blockIdx.x * by_keys_scratch(p));
  }
}

template <class T>
__global__ void begin(Status* status, const __grid_constant__ Status first) {
  *status = first;
}

/// One query, or one key, to a thread.
template <class T>
__global__ void find_means(const __grid_constant__ Problem<T> p) {
  const std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
  if (i < p.units * p.lanes) find_mean(p, i / p.lanes, i % p.lanes);
}
template <class T>
__global__ void clear_keys(const __grid_constant__ Problem<T> p) {
  const std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
  if (i < p.units * p.n) clear_key(p, i / p.n, i % p.n);
}

template <class T>
void launch_begin(const Problem<T>& p, const Status& status, cudaStream_t stream) {
  begin<T><<<1, 1, 0, stream>>>(p.status, status);
  require_success(cudaGetLastError(), "attention: status");
}

/// `kernel` for each of `count` queries or keys.
template <class T, class Kernel>
void launch_each(Kernel kernel, const Problem<T>& p, std::int64_t count, cudaStream_t stream,
                 const char* what) {
  constexpr int kEach = 128;
  if (count == 0) return;
  kernel<<<static_cast<unsigned>((count + kEach - 1) / kEach), kEach, 0, stream>>>(p);
  require_success(cudaGetLastError(), what);
}

template <class T, Pass kPass>
void launch_pass(const Problem<T>& p, std::int64_t total, cudaStream_t stream, const char* what) {
  if (total == 0) return;
  const auto kernel = run_pass<T, kPass>;
  constexpr int kBytes = static_cast<int>(sizeof(Shared<T>));
  require_success(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes), what);
  kernel<<<static_cast<unsigned>(std::min(total, kMostBlocks)), kThreads, kBytes, stream>>>(p, total);
  require_success(cudaGetLastError(), what);
}

template <class T>
void launch_forward(const Problem<T>& p, const Status& status, void* stream) {
  const auto s = static_cast<cudaStream_t>(stream);
  launch_begin(p, status, s);
  launch_pass<T, Pass::forward>(p, parts(p), s, "attend");
}

template <class T>
void launch_backward(const Problem<T>& p, const Status& status, void* stream) {
  const auto s = static_cast<cudaStream_t>(stream);
  launch_begin(p, status, s);
  launch_each(find_means<T>, p, p.units * p.lanes, s, "attend_backward: means");
  launch_each(clear_keys<T>, p, p.units * p.n, s, "attend_backward: zeros");
  launch_pass<T, Pass::by_queries>(p, parts(p), s, "attend_backward: queries");
  launch_pass<T, Pass::by_keys>(p, p.units * p.key_blocks, s, "attend_backward: keys");
}

}  // namespace heavykeys::cuda::detail
