// The kernels of cuda/, run on the host: the bytes of attend and attend_backward, whatever the order of
// threads.
#include <catch2/catch.hpp>

#include "cuda/emulated.hpp"
#include "heavykeys/error.hpp"

using attention::Case;
using namespace cuda_tests;

namespace {

void compare(Threads threads, std::size_t step, std::size_t least) {
  Cpu cpu;
  Emulated kernels(threads);
  const std::size_t count = for_cases(step, [&](const Case& c, Dtype dtype, std::size_t turn) {
    INFO(turn << ": " << attention::describe(c) << " " << name_of(dtype));
    const auto expected = bytes_of(cpu, c, dtype, turn), found = bytes_of(kernels, c, dtype, turn);
    const char* names[] = {"out", "by queries", "by keys", "by values", "shift", "sum"};
    REQUIRE(found.size() == std::size(names));
    for (std::size_t i = 0; i < found.size(); ++i) {
      INFO(names[i]);
      CHECK((found[i] == expected[i]));
    }
    CHECK_NOTHROW(heavykeys::cuda::detail::require_sound(kernels.status()));
  });
  CHECK(count >= least);
}

}  // namespace

TEST_CASE("every score, dtype and mask: the bytes of the CPU") { compare(Threads::ascending, 1, 540); }

TEST_CASE("the order of threads within a phase changes no byte") {
  compare(Threads::descending, 23, 20);
  compare(Threads::shuffled, 29, 18);
}
