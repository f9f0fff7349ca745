// The kernels, as plain functions that put them into a stream.
#pragma once

#include "cuda/problem.cuh"

namespace heavykeys::cuda::detail {

/// Throws BackendError with the runtime's text unless `code`, a cudaError_t, is success.
void require_success(int code, const char* what);

/// The work of a call; `status` becomes the start of the workspace. Throws BackendError.
template <class T>
void launch_forward(const Problem<T>& p, const Status& status, void* stream);
template <class T>
void launch_backward(const Problem<T>& p, const Status& status, void* stream);

}  // namespace heavykeys::cuda::detail
