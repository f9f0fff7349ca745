// libFuzzer's entry: HEAVYKEYS_FUZZ_TARGET is one of the functions of target.hpp.
#include <cstdint>
#include <cstdlib>

#include "fuzz/target.hpp"

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" const char* __asan_default_options();

/// What is wrong shows in the stack of the report; the stacks of allocations took a fifth of the time.
extern "C" const char* __asan_default_options() { return "malloc_context_size=1:quarantine_size_mb=16"; }

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  ::setenv("OMP_WAIT_POLICY", "passive", 0);  // threads that spin would take the core from the next run
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::HEAVYKEYS_FUZZ_TARGET({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
