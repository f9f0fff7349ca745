// heavykeys::cuda on a device: the bytes of attend and attend_backward. Without a device the program says so
// and returns 77, which ctest reports as skipped.
#define CATCH_CONFIG_RUNNER
#include <cuda_runtime_api.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <limits>

#include "cuda/device.hpp"
#include "heavykeys/error.hpp"

using attention::Case;
using namespace cuda_tests;

namespace {

void compare(Device device, std::size_t step, std::size_t least) {
  Cpu cpu;
  const std::size_t count = for_cases(step, [&](const Case& c, Dtype dtype, std::size_t turn) {
    INFO(turn << ": " << attention::describe(c) << " " << name_of(dtype));
    CHECK((bytes_of(device, c, dtype, turn) == bytes_of(cpu, c, dtype, turn)));
  });
  CHECK(count >= least);
}

Case small() {
  support::Random random(3);
  Case c;
  c.m = 40;
  c.n = 150;
  c.d = 20;
  c.dv = 30;
  attention::draw(c, Dtype::f32, false, random);
  c.sets = heavykeys::every_key(1, 1, 150);
  return c;
}

}  // namespace

TEST_CASE("every score, dtype and mask: the bytes of the CPU") { compare(Device(), 1, 540); }

TEST_CASE("calls can be captured in a graph, and replayed: they neither allocate nor wait") {
  compare(Device(true), 19, 28);
}

TEST_CASE("more tiles than blocks of threads: the bytes of the CPU") {
  Case c = small();
  support::Random random(4);
  c.batch = 9;
  c.heads = 4;
  c.query_heads = 8;
  c.m = 1000;
  attention::draw(c, Dtype::f32, false, random);
  c.options.causal = true;
  Cpu cpu;
  Device device;
  CHECK((bytes_of(device, c, Dtype::f32, 0) == bytes_of(cpu, c, Dtype::f32, 0)));
}

TEST_CASE("check names a NaN") {
  Case c = small();
  c.keys[7 * 20 + 3] = std::numeric_limits<double>::quiet_NaN();
  Tensors t(c, Dtype::f32, 0);
  CHECK_THROWS_WITH(Device().attend(t, c.sets, c.options), "keys: batch 0, head 0: NaN or Inf at row 7");
}

TEST_CASE("what a device does not do is refused") {
  Case c = small();
  Tensors t(c, Dtype::f32, 0);
  c.options.score = heavykeys::Score::power(2);
  c.options.normalise = heavykeys::Normalise::all_keys;
  CHECK_THROWS_AS(Device().attend(t, c.sets, c.options), heavykeys::InvalidInput);
}

int main(int argc, char** argv) {
  int devices = 0;
  const cudaError_t found = cudaGetDeviceCount(&devices);
  if (found == cudaErrorNoDevice || found == cudaErrorInsufficientDriver ||
      (found == cudaSuccess && devices == 0)) {
    std::printf("skipped: %s\n", cudaGetErrorString(found == cudaSuccess ? cudaErrorNoDevice : found));
    return 77;
  }
  return Catch::Session().run(argc, argv);
}
