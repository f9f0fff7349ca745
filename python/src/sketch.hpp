// A Sketch that several Python threads may hold: calls on it take turns.
#pragma once

#include <mutex>
#include <shared_mutex>
#include <utility>

#include "heavykeys/sketch.hpp"
#include "python/src/bind.hpp"

namespace heavykeys::python {

/// Python objects are shared freely between threads, and long calls run without the GIL: one lock a sketch,
/// always taken without the GIL, so that who waits for it does not keep a callback from running.
class SharedSketch {
 public:
  explicit SharedSketch(Sketch sketch) : sketch_(std::move(sketch)) {}

  /// use(const Sketch&), many at a time.
  template <class Use>
  auto read(Use use) const {
    const nb::gil_scoped_release released;
    const std::shared_lock lock(mutex_);
    return use(sketch_);
  }

  /// use(Sketch&), one at a time.
  template <class Use>
  auto change(Use use) {
    const nb::gil_scoped_release released;
    const std::unique_lock lock(mutex_);
    return use(sketch_);
  }

  /// For Python to own.
  SharedSketch* copy() const {
    return read([](const Sketch& sketch) { return new SharedSketch(sketch); });
  }

  // For calls that take several sketches: without the GIL, all locked, in the order of their addresses.
  std::shared_mutex& mutex() { return mutex_; }
  Sketch& unlocked() { return sketch_; }

 private:
  mutable std::shared_mutex mutex_;
  Sketch sketch_;
};

}  // namespace heavykeys::python
