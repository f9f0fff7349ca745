// Long calls leave the interpreter to other threads, and Ctrl-C ends them.
#pragma once

#include "heavykeys/monitor.hpp"
#include "python/src/bind.hpp"

namespace heavykeys::python {

/// While it lives, this thread does not hold the GIL. Between the parts of a long call, Python's signal
/// handlers run: what they raise (KeyboardInterrupt) comes out of the call, which has changed nothing.
class WithoutGil {
 private:
  static bool run_signal_handlers(const Progress&) {
    const nb::gil_scoped_acquire held;
    if (PyErr_CheckSignals() != 0) nb::raise_python_error();
    return true;
  }

  nb::gil_scoped_release released_;
  Monitor signals_{run_signal_handlers};
};

}  // namespace heavykeys::python
