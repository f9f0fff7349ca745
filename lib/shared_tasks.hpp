// Numbered tasks handed out to workers in ascending order, with one deterministic error.
#pragma once

#include <cstddef>
#include <functional>

#include "lib/siblings.hpp"
#include "lib/workers.hpp"

namespace heavykeys::detail {

/// Runs body(worker, task) for tasks 0 .. count - 1. When some throw, rethrows the exception of the
/// least task that did, whatever the number of workers: every task before it has been tried. A Monitor sees
/// each as a step of `call`, and may end it: Cancelled, after any of the tasks.
HEAVYKEYS_SIBLINGS void share_tasks(const char* call, const Workers& workers, std::size_t count,
                                    const std::function<void(int, std::size_t)>& body);

}  // namespace heavykeys::detail
