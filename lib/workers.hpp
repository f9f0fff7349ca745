// How a backend lends its threads to the algebra: the algebra knows tasks, the backend knows threads.
#pragma once

#include <functional>

namespace heavykeys::detail {

struct Workers {
  int count = 1;  ///< how many to use; a caller with little to do may lower it
  /// Calls task(0), task(1), ... once for each thread of the backend, concurrently or not, and returns when
  /// all have. Tasks do not throw.
  std::function<void(const std::function<void(int)>&)> run;
};

/// One worker: the calling thread.
inline Workers serial_workers() {
  return {1, [](const std::function<void(int)>& task) { task(0); }};
}

}  // namespace heavykeys::detail
