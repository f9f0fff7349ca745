#include "cuda/kernels-inl.cuh"

namespace heavykeys::cuda::detail {

template void launch_forward(const Problem<float>&, const Status&, void*);
template void launch_backward(const Problem<float>&, const Status&, void*);

}  // namespace heavykeys::cuda::detail
