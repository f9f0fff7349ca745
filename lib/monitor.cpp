#include "heavykeys/monitor.hpp"

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>

#include "heavykeys/error.hpp"
#include "lib/float_environment.hpp"
#include "lib/stage.hpp"

namespace heavykeys {

namespace detail {

using Clock = std::chrono::steady_clock;

struct MonitorState {
  Monitor::Report report;
  std::stop_token stop;
  std::chrono::nanoseconds interval;
  std::shared_ptr<MonitorState> outer;  // asked too
  std::thread::id owner = std::this_thread::get_id();
  Clock::time_point last = Clock::now();
  double shown = 0.0;  // of the call, so that it does not fall
  std::atomic<bool> cancelled{false}, ended{false};
  std::exception_ptr thrown;  // by a report, in the call that goes on; the owner's alone

  // Clang 14 has no aggregates in parentheses.
  MonitorState(Monitor::Report r, std::stop_token s, std::chrono::nanoseconds i,
               std::shared_ptr<MonitorState> o)
      : report(std::move(r)), stop(std::move(s)), interval(i), outer(std::move(o)) {}

  void poll(const Stage* innermost);

 private:
  void ask(const Stage* innermost);
};

namespace {

thread_local std::shared_ptr<MonitorState>
    t_monitor;                          // the last made; those that have ended may still hang there
thread_local Stage* t_stage = nullptr;  // innermost of this thread

/// Of this thread, the last that has not ended.
const std::shared_ptr<MonitorState>& watching() {
  while (t_monitor && t_monitor->ended) t_monitor = std::shared_ptr<MonitorState>(t_monitor->outer);
  return t_monitor;
}

}  // namespace

void MonitorState::poll(const Stage* innermost) {
  if (ended) {
    if (outer) outer->poll(innermost);
    return;
  }
  const bool own = std::this_thread::get_id() == owner;
  if (stop.stop_requested()) cancelled = true;
  if (!cancelled && report && own) ask(innermost);
  if (own && thrown) std::rethrow_exception(thrown);
  if (cancelled) throw Cancelled("the call was cancelled");
  if (outer) outer->poll(innermost);
}

void MonitorState::ask(const Stage* innermost) {
  const auto now = Clock::now();
  if (now - last < interval) return;
  last = now;
  Progress progress;
  for (const Stage* s = innermost; s != nullptr; s = s->outer_) {
    const double done = static_cast<double>(s->done_.load(std::memory_order_relaxed)) + progress.fraction;
    progress = {s->call_, s->total_ == 0 ? 0.0 : std::min(1.0, done / static_cast<double>(s->total_))};
  }
  progress.fraction = shown = std::max(shown, progress.fraction);
  const Unwatched quiet;          // a report may call long verbs itself
  const FloatEnvironment before;  // and may leave another rounding mode behind
  try {
    if (!report(progress)) cancelled = true;
  } catch (...) {
    thrown = std::current_exception();
    cancelled = true;
  }
}

Stage::Stage(const char* call, std::uint64_t total) : call_(call), total_(total), monitor_(watching()) {
  if (monitor_ == nullptr) return;
  outer_ = std::exchange(t_stage, this);
  for (MonitorState* m = monitor_.get(); outer_ == nullptr && m != nullptr; m = m->outer.get()) {
    if (m->owner == std::this_thread::get_id()) m->shown = 0.0;
  }
}

Stage::~Stage() {
  if (monitor_ == nullptr) return;
  t_stage = outer_;
  for (MonitorState* m = monitor_.get(); outer_ == nullptr && m != nullptr; m = m->outer.get()) {
    if (m->owner == std::this_thread::get_id()) m->thrown = nullptr;
  }
}

void Stage::step() {
  if (monitor_ == nullptr) return;
  done_.fetch_add(1, std::memory_order_relaxed);
  poll();
}

void Stage::poll() {
  if (monitor_ != nullptr) monitor_->poll(t_stage);
}

Watcher Watcher::of_this_thread() {
  Watcher watcher;
  watcher.monitor_ = watching();
  return watcher;
}

Watcher::Lent::Lent(const Watcher& watcher) : before_(std::exchange(t_monitor, watcher.monitor_)) {}
Watcher::Lent::~Lent() { t_monitor = std::move(before_); }

Unwatched::Unwatched()
    : before_(std::exchange(t_monitor, nullptr)), stage_(std::exchange(t_stage, nullptr)) {}
Unwatched::~Unwatched() {
  t_monitor = std::move(before_);
  t_stage = stage_;
}

void rethrow_if_cancelled() {
  // A copy: the monitor may end in its own report.
  // NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
  if (const auto monitor = watching()) monitor->poll(t_stage);
}

}  // namespace detail

Monitor::Monitor(Report report, std::chrono::nanoseconds interval)
    : Monitor(std::move(report), std::stop_token(), interval) {}

Monitor::Monitor(std::stop_token stop) : Monitor(nullptr, std::move(stop)) {}

Monitor::Monitor(Report report, std::stop_token stop, std::chrono::nanoseconds interval)
    : state_(std::make_shared<detail::MonitorState>(std::move(report), std::move(stop), interval,
                                                    detail::watching())) {
  detail::t_monitor = state_;
}

Monitor::~Monitor() {
  state_->ended = true;
  detail::watching();  // on its own thread, takes it off
}

bool Monitor::cancelled() const { return state_->cancelled; }

}  // namespace heavykeys
