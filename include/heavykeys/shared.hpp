// A value that several threads use: one appends to a sketch while others ask for its universal set.
#pragma once

#include <mutex>
#include <shared_mutex>
#include <utility>

namespace heavykeys {
#pragma GCC visibility push(default)

/// Threads, in all of heavykeys: distinct values are independent of each other; one value may be read (const
/// members, and functions that take it by const&) by any number of threads at a time, or changed by one while
/// nobody reads. That is what containers of the standard library promise. A Shared value takes turns by
/// itself:
///
///     Shared<Sketch> sketch(Sketch({.dim = 128, .epsilon = 0.01}));
///     // one thread:    sketch.change([&](Sketch& s) { streaming::absorb(s, rows); });
///     // any other:     const UniversalSet set = finalize(sketch.snapshot());
///
/// A snapshot is the state after some whole number of changes, and a universal set, once made, is a value of
/// its own: no writer changes it. Turns are taken in the order of asking, so that neither readers nor writers
/// wait for ever. Cost: two locks a call; a snapshot copies, O(memory_bytes()), and holds up writers for that
/// long.
template <class T>
class Shared {
 public:
  explicit Shared(T value) : value_(std::move(value)) {}
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  /// use(const T&), many at a time; writers wait until it returns. What it throws passes through.
  template <class Use>
  auto read(Use use) const {
    const std::shared_lock lock = entered<std::shared_lock<std::shared_mutex>>();
    return use(std::as_const(value_));
  }

  /// use(T&), one at a time.
  template <class Use>
  auto change(Use use) {
    const std::unique_lock lock = entered<std::unique_lock<std::shared_mutex>>();
    return use(value_);
  }

  /// A copy, for readers that take long.
  T snapshot() const {
    return read([](const T& value) { return value; });
  }

  /// use(T& of this, const T& of other). `other` is not this.
  template <class Use>
  void change_with(Shared& other, Use use) {
    const std::scoped_lock lock(mutex_, other.mutex_);
    use(value_, std::as_const(other.value_));
  }

  /// For calls that change many at once: lock every mutex, in the order of addresses, then use the values.
  std::shared_mutex& mutex() { return mutex_; }
  T& unlocked() { return value_; }

 private:
  /// Who waits for the lock keeps others from asking: a std::shared_mutex alone may let readers pass writers.
  template <class Lock>
  Lock entered() const {
    const std::lock_guard turn(entrance_);
    return Lock(mutex_);
  }

  mutable std::mutex entrance_;
  mutable std::shared_mutex mutex_;
  T value_;
};

#pragma GCC visibility pop

}  // namespace heavykeys
