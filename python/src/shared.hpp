// State that several Python threads may hold: calls on it take turns.
#pragma once

#include <mutex>
#include <shared_mutex>
#include <utility>

#include "heavykeys/sketch.hpp"
#include "python/src/bind.hpp"

namespace heavykeys::python {

/// Python objects are shared freely between threads, and long calls run without the GIL: one lock an object,
/// always taken without the GIL, so that who waits for it does not keep a callback from running.
template <class T>
class Shared {
 public:
  explicit Shared(T value) : value_(std::move(value)) {}

  /// use(const T&), many at a time.
  template <class Use>
  auto read(Use use) const {
    const nb::gil_scoped_release released;
    const std::shared_lock lock(mutex_);
    return use(value_);
  }

  /// use(T&), one at a time.
  template <class Use>
  auto change(Use use) {
    const nb::gil_scoped_release released;
    const std::unique_lock lock(mutex_);
    return use(value_);
  }

  /// use(T& of this, const T& of other), `other` not being this.
  template <class Use>
  void change_with(Shared& other, Use use) {
    const nb::gil_scoped_release released;
    const std::scoped_lock lock(mutex_, other.mutex_);
    use(value_, std::as_const(other.value_));
  }

  // For calls that take many: without the GIL, all locked, in the order of their addresses.
  std::shared_mutex& mutex() { return mutex_; }
  T& unlocked() { return value_; }

 private:
  mutable std::shared_mutex mutex_;
  T value_;
};

using SharedSketch = Shared<Sketch>;

}  // namespace heavykeys::python
