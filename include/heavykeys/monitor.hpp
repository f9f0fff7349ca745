// Watching long calls: how far they are, and ending them early.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>

namespace heavykeys {

namespace detail {
struct MonitorState;
}  // namespace detail

#pragma GCC visibility push(default)

/// How far a call is.
struct Progress {
  const char* call = "";  ///< which: "absorb", "finalize", "heavy_entries", "scan", "attend", ...
  double fraction = 0.0;  ///< of it that is done, in [0, 1]; does not fall during a call
};

/// While one lives, it watches the calls of the thread that made it. The long ones (absorb, finalize,
/// heavy_entries, scans, verification, attention, key sets, leverage scores, Lewis weights, reconstruction)
/// call `report` between their parts, on that thread and at most once in `interval`, and end early when it
/// returns false, or when a stop is requested of `stop`, from any thread: they throw Cancelled.
///
/// Guarantee: what a cancelled call was to change is as it was before the call, and the same call can be made
/// again; memory that a call was to fill (`out` of attend) may be filled in part. A CausalHeavy keeps the
/// blocks it has passed, as next_row() says. An absorb that has come to the point of changing its sketch goes
/// through with it. What `report` throws comes out of the call in the place of Cancelled. Once cancelled, a
/// Monitor stays so: every later long call under it ends at once.
///
/// Monitors of one thread nest: all are asked. A report may call long verbs itself, unwatched. Latency is
/// that of a part on each thread: a block of rows for absorb, 16 queries for scans, a head where there are
/// many heads, a factorisation of the Gram matrix for finalize. Where the number of steps is not known
/// beforehand (Lewis weights, smallest_dim), a call ends before its fraction is 1. Cost: a clock reading for
/// each part. Not watched: to_bytes, from_bytes, save and load, so that what a cancelled call has left can be
/// stored; principal components, plant, and the adding up in absorb of covariances. Ranks: one that is
/// cancelled ends the collective call on all of them with Cancelled, and one whose report throws with
/// BackendError.
class Monitor {
 public:
  /// Told how far the call is; false ends it.
  using Report = std::function<bool(const Progress&)>;

  /// Reports, and no more often than once in `interval`.
  explicit Monitor(Report report, std::chrono::nanoseconds interval = std::chrono::milliseconds(50));
  /// Ends calls once a stop is requested.
  explicit Monitor(std::stop_token stop);
  /// Both.
  Monitor(Report report, std::stop_token stop,
          std::chrono::nanoseconds interval = std::chrono::milliseconds(50));
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;
  /// Watches no more: in any order, from a report, or on another thread (a report that runs then ends first
  /// or not at all; what it refers to must live until its thread's call is over).
  ~Monitor();

  /// A call was, or is going to be, ended early.
  bool cancelled() const;

 private:
  std::shared_ptr<detail::MonitorState> state_;
};

#pragma GCC visibility pop

}  // namespace heavykeys
