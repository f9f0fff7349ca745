// What a DeviceKeySets holds.
#pragma once

#include "cuda/problem.cuh"
#include "heavykeys/cuda.hpp"

namespace heavykeys::cuda {

struct DeviceKeySets::State {
  explicit State(const KeySets& sets);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  KeySets outline;  ///< shape and kind of the lists, and their first entry: what a call is checked against
  std::int64_t longest = 0;  ///< entries of the longest list
  detail::Lists lists;       ///< in one piece of device memory
  void* memory = nullptr;
};

}  // namespace heavykeys::cuda
