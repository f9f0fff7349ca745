// Calls of attention, and engines that answer them: the CPU, the kernels of cuda/ run on the host, and a
// device.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "attention/reference.hpp"

namespace cuda_tests {

using heavykeys::AttendOptions;
using heavykeys::AttendSums;
using heavykeys::Dtype;
using heavykeys::KeySets;
using support::Lie;
using support::TensorBuffer;

/// The tensors of one call of attend and attend_backward.
struct Tensors {
  Tensors(const attention::Case& c, Dtype dtype, std::size_t turn);
  TensorBuffer queries, keys, values, out, grad_out, by_queries, by_keys, by_values;
};

class Engine {
 public:
  virtual ~Engine() = default;
  /// Writes out.
  virtual AttendSums attend(Tensors& t, const KeySets& sets, const AttendOptions& options) = 0;
  /// Writes by_queries, by_keys and by_values.
  virtual void attend_backward(Tensors& t, const KeySets& sets, const AttendOptions& options,
                               const AttendSums& sums) = 0;
};

class Cpu : public Engine {
 public:
  AttendSums attend(Tensors& t, const KeySets& sets, const AttendOptions& options) override;
  void attend_backward(Tensors& t, const KeySets& sets, const AttendOptions& options,
                       const AttendSums& sums) override;
};

/// Every byte that both calls make.
std::vector<std::vector<std::byte>> bytes_of(Engine& engine, const attention::Case& c, Dtype dtype,
                                             std::size_t turn);

/// Every score with every dtype and every kind of mask, over shapes that sit on, before and after the edges
/// of blocks; every `step`-th of them. Returns how many there were.
std::size_t for_cases(std::size_t step,
                      const std::function<void(const attention::Case&, Dtype, std::size_t turn)>& visit);

}  // namespace cuda_tests
