// The inside of Monitor: long calls say how far they are, and hear that they are to end.
//
// The monitor is the calling thread's, not an argument: every verb would have to hand it down to the tasks of
// every backend, and what watches has no say in what is computed.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "lib/siblings.hpp"

namespace heavykeys::detail {

struct MonitorState;

/// A part of a call that consists of `total` steps of about equal cost. Made within another, it is one step
/// of that; the outermost gives the call its name. Costs nothing but a test where nobody watches.
class HEAVYKEYS_SIBLINGS Stage {
 public:
  Stage(const char* call, std::uint64_t total);
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  ~Stage();

  /// A step is done. Throws Cancelled, or what a report threw. From any thread that was lent to the call.
  void step();

  /// The same without a step.
  void poll();

 private:
  friend struct MonitorState;
  const char* call_;
  std::uint64_t total_;
  std::atomic<std::uint64_t> done_{0};
  Stage* outer_ = nullptr;
  std::shared_ptr<MonitorState> monitor_;
};

/// Who watches this thread. Lent by the calling thread to those that work for it: they can be cancelled, but
/// only the calling thread reports.
class Watcher {
 public:
  static Watcher of_this_thread();

  /// While it lives, the thread works for `watcher`.
  class Lent {
   public:
    explicit Lent(const Watcher& watcher);
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;
    ~Lent();

   private:
    std::shared_ptr<MonitorState> before_;
  };

 private:
  std::shared_ptr<MonitorState> monitor_;
};

/// While it lives, nobody watches: for what must not be given up once it is begun.
class Unwatched {
 public:
  Unwatched();
  Unwatched(const Unwatched&) = delete;
  Unwatched& operator=(const Unwatched&) = delete;
  ~Unwatched();

 private:
  std::shared_ptr<MonitorState> before_;
  Stage* stage_;
};

/// Throws what a report of this call has thrown, or Cancelled: before an error is taken for an answer or
/// given another name.
HEAVYKEYS_SIBLINGS void rethrow_if_cancelled();

}  // namespace heavykeys::detail
