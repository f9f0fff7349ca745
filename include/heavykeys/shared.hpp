// A value that several threads use: one appends to a sketch while others ask for its universal set.
#pragma once

#include <algorithm>
#include <functional>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <utility>
#include <vector>

#include "heavykeys/error.hpp"

namespace heavykeys {
#pragma GCC visibility push(default)

namespace detail {

/// What the users of one shared value wait at. Who waits for the lock keeps others from asking: a
/// std::shared_mutex alone may let readers pass writers.
struct Gate {
  std::mutex entrance;
  std::shared_mutex mutex;
};

/// While it lives, this thread may read what lies behind one gate, or change what lies behind all of them.
class Turn {
 public:
  enum class Kind { read, change };

  Turn(Gate* const& gate, Kind kind) : Turn({&gate, 1}, kind) {}

  /// `gates`: ascending, none twice; they outlive the turn. All entrances come before all locks: nobody waits
  /// at an entrance who has a lock, so that calls with gates in common do not wait for each other in a
  /// circle.
  Turn(std::span<Gate* const> gates, Kind kind) : gates_(gates), kind_(kind) {
    for (const Gate* gate : gates) {
      const Turn* outer = turn_of_this_thread(gate);
      if (outer == nullptr) continue;
      if (kind == Kind::change || outer->kind_ == Kind::change) {
        throw InvalidInput(
            "a shared object is in use by this thread: what a call on it runs (a report of progress, a "
            "custom score) may not change it, nor read it while it changes");
      }
      gates_ = {};  // a read inside a read: the lock is there
    }
    for (Gate* gate : gates_) gate->entrance.lock();
    for (Gate* gate : gates_) {
      if (kind == Kind::read) {
        gate->mutex.lock_shared();
      } else {
        gate->mutex.lock();
      }
    }
    for (Gate* gate : gates_) gate->entrance.unlock();
    outer_ = std::exchange(innermost, this);
  }
  ~Turn() {
    innermost = outer_;
    for (Gate* gate : gates_) {
      if (kind_ == Kind::read) {
        gate->mutex.unlock_shared();
      } else {
        gate->mutex.unlock();
      }
    }
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  static const Turn* turn_of_this_thread(const Gate* gate) {
    const Turn* turn = innermost;
    while (turn != nullptr && std::find(turn->gates_.begin(), turn->gates_.end(), gate) == turn->gates_.end())
      turn = turn->outer_;
    return turn;
  }

  std::span<Gate* const> gates_;
  Kind kind_;
  Turn* outer_ = nullptr;

  static constinit inline thread_local Turn* innermost = nullptr;  // a thread's turns end in reverse order
};

}  // namespace detail

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
/// its own: no writer changes it. Who waits goes before who asks later, so that neither readers nor writers
/// wait for ever. Cost: two locks a call; a snapshot copies, O(memory_bytes()), and holds up writers for that
/// long.
///
/// What runs inside a use (a report of progress, a custom score) may read the value again where the use reads
/// it. To change it there, or to read it where the use changes it, is InvalidInput, and nothing is done. That
/// is known of the use's own thread alone: a use that waits for another thread, which asks for the same
/// value, waits for ever. So may uses of two values inside each other, in different orders or beside a call
/// that changes both: change_all takes many.
template <class T>
class Shared {
 public:
  /// Takes the value.
  explicit Shared(T value) : value_(std::move(value)) {}
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  /// use(const T&), many at a time; writers wait until it returns. What it throws passes through.
  template <class Use>
  auto read(Use use) const {
    detail::Gate* const gate = &gate_;
    const detail::Turn turn(gate, detail::Turn::Kind::read);
    return use(value_);
  }

  /// use(T&), one at a time.
  template <class Use>
  auto change(Use use) {
    detail::Gate* const gate = &gate_;
    const detail::Turn turn(gate, detail::Turn::Kind::change);
    return use(value_);
  }

  /// A copy, for readers that take long.
  T snapshot() const {
    return read([](const T& value) { return value; });
  }

  /// use(T& of this, const T& of other). `other` is not this: InvalidInput.
  template <class Use>
  void change_with(Shared& other, Use use) {
    Shared* const both[] = {this, &other};
    change_all(both, [&](std::span<T* const> values) { use(*values[0], std::as_const(*values[1])); });
  }

  /// use(std::span<T* const>): all of these, in their order, changed by one call. InvalidInput if one is in
  /// the list twice.
  template <class Use>
  static auto change_all(std::span<Shared* const> all, Use use) {
    std::vector<detail::Gate*> gates;
    std::vector<T*> values;
    gates.reserve(all.size());
    values.reserve(all.size());
    for (Shared* shared : all) {
      gates.push_back(&shared->gate_);
      values.push_back(&shared->value_);
    }
    std::sort(gates.begin(), gates.end(), std::less<>());
    if (std::adjacent_find(gates.begin(), gates.end()) != gates.end())
      throw InvalidInput("a shared object was given twice to one change of several");
    const detail::Turn turn(gates, detail::Turn::Kind::change);
    return use(std::span<T* const>(values));
  }

 private:
  mutable detail::Gate gate_;
  T value_;
};

#pragma GCC visibility pop

}  // namespace heavykeys
