#include "cuda/kernels-inl.cuh"

namespace heavykeys::cuda::detail {

template void launch_forward(const Problem<double>&, const Status&, void*);
template void launch_backward(const Problem<double>&, const Status&, void*);

}  // namespace heavykeys::cuda::detail
