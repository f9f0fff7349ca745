// The kernels of cuda/ as an engine on the host: the same phases, by loops over the threads of a block or by
// as many threads of the host with a barrier.
#pragma once

#include "cuda/matrix.hpp"
#include "cuda/plan.hpp"

namespace cuda_tests {

using heavykeys::cuda::detail::Status;

enum class Threads {
  ascending,   ///< a phase is a loop over threads,
  descending,  ///< from the last,
  shuffled,    ///< or in an order of its own;
  concurrent,  ///< threads of the host, each running the whole kernel
};

class Emulated : public Engine {
 public:
  explicit Emulated(Threads threads = Threads::ascending) : threads_(threads) {}
  AttendSums attend(Tensors& t, const KeySets& sets, const AttendOptions& options) override;
  void attend_backward(Tensors& t, const KeySets& sets, const AttendOptions& options,
                       const AttendSums& sums) override;
  /// Of the last call.
  const Status& status() const { return status_; }

 private:
  Threads threads_;
  Status status_;
};

}  // namespace cuda_tests
