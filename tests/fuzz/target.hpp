// The fuzz targets: functions from any bytes to nothing, which abort when a promise is broken.
//
// Each is driven two ways: by libFuzzer (preset `fuzz`: heavykeys_fuzz_TARGET), and in every test run by
// replay.cpp, over the inputs that are kept in corpus/TARGET.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>

namespace fuzz {

using Bytes = std::span<const std::byte>;

void from_bytes(Bytes input);   ///< a state file; its size and checksum are made to fit
void components(Bytes input);   ///< a covariance or a reconstructor, likewise
void npy(Bytes input);          ///< an .npy file
void safetensors(Bytes input);  ///< one byte n, n bytes of tensor name, a safetensors file
void command(Bytes input);      ///< the arguments of the command, one a line
void schedules(Bytes input);    ///< rows and two ways to absorb them (schedule_case.hpp)

/// The same rows, by every engine with every instruction set, and by 1, 2 and 3 ranks: what replay.cpp does
/// with the inputs of `schedules`. Fuzzing takes one of these ways an execution: threads and ranks are slow.
void every_schedule(Bytes input);

/// Ends the process, so that the input is kept as a finding.
inline void require(bool held, const std::string& promise) {
  if (held) return;
  std::fprintf(stderr, "BROKEN PROMISE: %s\n", promise.c_str());
  std::abort();
}

}  // namespace fuzz
