// heavykeys.monitor: progress of long calls, and their cancellation.
#include "heavykeys/monitor.hpp"

#include <memory>

#include "heavykeys/error.hpp"
#include "python/src/bind.hpp"

namespace heavykeys::python {
namespace {

/// A Python callable that C++ may hold, and let go, without the GIL.
std::shared_ptr<nb::callable> held_anywhere(nb::callable f) {
  return {new nb::callable(std::move(f)), [](nb::callable* held) {
            if (!Py_IsInitialized()) return;  // at the interpreter's end: left to it
            const nb::gil_scoped_acquire gil;
            delete held;
          }};
}

/// What `report` returns: None goes on, anything else by its truth.
bool goes_on(const nb::object& answer) {
  if (answer.is_none()) return true;
  const int truth = PyObject_IsTrue(answer.ptr());
  if (truth < 0) nb::raise_python_error();
  return truth != 0;
}

/// `with heavykeys.monitor(report):` A Monitor from entering to leaving. The Monitor refers to nothing of
/// this object, which a report or another thread may destroy.
class MonitorContext {
 public:
  MonitorContext(nb::callable report, double interval)
      : report_(held_anywhere(std::move(report))), interval_(interval) {
    if (!(interval >= 0.0 && interval <= 1e6)) {
      throw InvalidInput("interval is " + std::to_string(interval) + " s; it must lie in [0, 1e6]");
    }
  }

  void enter() {
    if (monitor_) throw InvalidInput("this monitor is in use");
    const auto interval =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(interval_));
    monitor_ = std::make_unique<Monitor>(
        [report = report_](const Progress& progress) {
          const nb::gil_scoped_acquire gil;
          return goes_on((*report)(progress.call, progress.fraction));
        },
        interval);
  }
  void exit() {
    cancelled_ = cancelled();
    monitor_.reset();
  }
  bool cancelled() const { return monitor_ ? monitor_->cancelled() : cancelled_; }

 private:
  std::shared_ptr<nb::callable> report_;
  double interval_;
  std::unique_ptr<Monitor> monitor_;
  bool cancelled_ = false;
};

}  // namespace

void bind_monitor(nb::module_& module) {
  nb::class_<MonitorContext>(
      module, "monitor",
      "While entered, the long calls of this thread tell how far they are:\n"
      "report(call, fraction), with the call's name and the part of it that is done, at\n"
      "most once in `interval` seconds. When it returns what is false (not None), the call ends with\n"
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
