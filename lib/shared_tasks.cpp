#include "lib/shared_tasks.hpp"

#include <atomic>
#include <exception>
#include <mutex>

#include "lib/float_environment.hpp"
#include "lib/stage.hpp"

namespace heavykeys::detail {

namespace {

struct Shared {
  const Workers& workers;
  std::size_t count;
  const std::function<void(int, std::size_t)>& body;
  Stage& stage;
  Watcher watcher = Watcher::of_this_thread();
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> failed{count};  // tasks from here on need not be started
  std::mutex mutex{};
  std::exception_ptr error{};

  void work(int worker) {
    const FloatEnvironment ieee;
    const Watcher::Lent lent(watcher);
    if (worker >= workers.count) return;  // the caller asked for fewer than the backend has
    for (;;) {
      const std::size_t task = next.fetch_add(1);
      if (task >= failed.load()) return;
      try {
        body(worker, task);
        stage.step();
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (task < failed.load()) {
          failed = task;
          error = std::current_exception();
        }
      }
    }
  }
};

}  // namespace

void share_tasks(const char* call, const Workers& workers, std::size_t count,
                 const std::function<void(int, std::size_t)>& body) {
  Stage stage(call, count);
  Shared shared{.workers = workers, .count = count, .body = body, .stage = stage};
  // One pointer: a std::function of it takes no memory, so that a commit may share tasks, too.
  workers.run([&shared](int worker) { shared.work(worker); });
  stage.poll();  // the calling thread may have had no task of its own; what its report threw goes before
                 // Cancelled
  if (shared.error) std::rethrow_exception(shared.error);
}

}  // namespace heavykeys::detail
