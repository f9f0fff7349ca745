// What heavykeys::cuda says before any device is asked: workspace, refusals; and what it says where there is
// none.
#include <cuda_runtime_api.h>

#include <catch2/catch.hpp>

#include "heavykeys/cuda.hpp"
#include "heavykeys/error.hpp"

using namespace heavykeys;

namespace {

TensorView view(Dtype dtype, std::size_t heads, std::size_t rows, std::size_t dim) {
  return tensor(static_cast<const void*>(nullptr), dtype, Layout::bhsd, 2, heads, rows, dim);
}

}  // namespace

TEST_CASE("workspace does not grow with the number of keys or, forward, of queries") {
  AttendOptions options;
  const auto forward = [&](std::size_t m, std::size_t n) {
    return cuda::attend_workspace(view(Dtype::f32, 8, m, 64), view(Dtype::f32, 2, n, 64),
                                  view(Dtype::f32, 2, n, 32), options);
  };
  const auto backward = [&](std::size_t m, std::size_t n) {
    return cuda::attend_backward_workspace(view(Dtype::f32, 8, m, 64), view(Dtype::f32, 2, n, 64),
                                           view(Dtype::f32, 2, n, 32), options);
  };
  CHECK(forward(1, 1) < forward(1000, 1));
  CHECK(forward(1, 100) == forward(1, 1000000));
  CHECK(forward(100000, 1) == forward(1000000, 1));
  CHECK(forward(100000, 1) <= 512 * 128 * 32 * 4 + 1024);
  CHECK(backward(100000, 1000000) == backward(100000, 100000000));
  CHECK(backward(1000000, 1) <= 512 * 96 * (64 + 32 + 128) * 4 + 2 * 8 * 1000000 * 4 + 1024);
  options.score = Score::power(6);  // in float64
  CHECK(forward(100000, 1) <= 512 * 64 * 32 * 8 + 1024);
}

TEST_CASE("shapes and lists are refused before the device is asked") {
  CHECK_THROWS_AS(cuda::attend_workspace(view(Dtype::f32, 8, 4, 64), view(Dtype::f16, 2, 9, 64),
                                         view(Dtype::f32, 2, 9, 32), AttendOptions{}),
                  InvalidInput);
  CHECK_THROWS_WITH(cuda::DeviceKeySets({1, 1, 9, {0, 2}, {4, 4}, {}}),
                    Catch::Contains("sets: key 4 of batch 0, head 0"));
  CHECK_THROWS_WITH(cuda::DeviceKeySets({1, 1, 9, {0, 2}, {4, 5}, {6}}),
                    Catch::Contains("until has 1 entries"));
  CHECK_THROWS_AS(cuda::check({}, nullptr), InvalidInput);
}

TEST_CASE("without a device, CUDA's own text is in the error") {
  int devices = 0;
  const cudaError_t found = cudaGetDeviceCount(&devices);
  if (found == cudaSuccess && devices > 0) {
    const cuda::DeviceKeySets sets({1, 1, 9, {0, 2}, {4, 5}, {}});
    CHECK_NOTHROW(sets.state());
  } else {
    CHECK_THROWS_AS(cuda::DeviceKeySets({1, 1, 9, {0, 2}, {4, 5}, {}}), BackendError);
    CHECK_THROWS_WITH(cuda::DeviceKeySets({1, 1, 9, {0, 2}, {4, 5}, {}}),
                      Catch::Contains(cudaGetErrorString(found)));
  }
}
