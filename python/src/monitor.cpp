// heavykeys.monitor: progress of long calls, and their cancellation.
#include "heavykeys/monitor.hpp"

#include <memory>

#include "heavykeys/error.hpp"
#include "python/src/bind.hpp"

namespace heavykeys::python {
namespace {

/// `with heavykeys.monitor(report):` A Monitor from entering to leaving.
class MonitorContext {
 public:
  MonitorContext(nb::callable report, double interval) : report_(std::move(report)), interval_(interval) {
    if (!(interval >= 0.0 && interval <= 1e6)) {
      throw InvalidInput("interval is " + std::to_string(interval) + " s; it must lie in [0, 1e6]");
    }
  }

  void enter() {
    if (monitor_) throw InvalidInput("this monitor is in use");
    const auto interval =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(interval_));
    monitor_ =
        std::make_unique<Monitor>([this](const Progress& progress) { return ask(progress); }, interval);
    owner_ = PyThread_get_thread_ident();
  }
  void exit() {
    if (monitor_ && owner_ != PyThread_get_thread_ident()) {
      throw InvalidInput("a monitor is left on the thread that entered it");
    }
    cancelled_ = cancelled();
    monitor_.reset();
  }
  bool cancelled() const { return monitor_ ? monitor_->cancelled() : cancelled_; }

 private:
  bool ask(const Progress& progress) const {
    const nb::gil_scoped_acquire held;
    const nb::object go_on = report_(progress.call, progress.fraction);
    return go_on.is_none() || nb::cast<bool>(go_on);
  }

  nb::callable report_;
  double interval_;
  std::unique_ptr<Monitor> monitor_;
  unsigned long owner_ = 0;
  bool cancelled_ = false;
};

}  // namespace

void bind_monitor(nb::module_& module) {
  nb::class_<MonitorContext>(
      module, "monitor",
      "While entered, the long calls of this thread tell how far they are:\n"
      "report(call, fraction), with the call's name and the part of it that is done, at\n"
      "most once in `interval` seconds. When it returns False, the call ends with\n"
      "heavykeys.Cancelled; what it raises comes out of the call. Nothing has changed then.\n"
      "Monitors nest. Ctrl-C ends long calls with or without one.")
      .def(nb::init<nb::callable, double>(), nb::arg("report"), nb::arg("interval") = 0.05)
      .def(
          "__enter__",
          [](MonitorContext& self) -> MonitorContext& {
            self.enter();
            return self;
          },
          nb::rv_policy::reference)
      .def(
          "__exit__", [](MonitorContext& self, nb::handle, nb::handle, nb::handle) { self.exit(); },
          nb::arg("type").none(), nb::arg("value").none(), nb::arg("traceback").none())
      .def_prop_ro("cancelled", &MonitorContext::cancelled, "True once a call was ended early.");
}

}  // namespace heavykeys::python
