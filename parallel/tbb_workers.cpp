#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "heavykeys/error.hpp"
#include "parallel/workers.hpp"

#ifdef HEAVYKEYS_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace heavykeys::parallel {

namespace {

/// Neither oneTBB nor this file is instrumented (CMakeLists.txt), so ThreadSanitizer sees neither that tasks
/// begin after the call nor that it returns after them. This says so, and no more: races between tasks are
/// still seen.
struct ForkJoin {
#ifdef HEAVYKEYS_TSAN
  char begun = 0, ended = 0;
  void before_all() { __tsan_release(&begun); }
  void before_task() { __tsan_acquire(&begun); }
  void after_task() { __tsan_release(&ended); }
  void after_all() { __tsan_acquire(&ended); }
#else
  void before_all() {}
  void before_task() {}
  void after_task() {}
  void after_all() {}
#endif
};

/// An arena of `count` threads, lent from a pool of those that are idle. oneTBB 2021.8 never frees the memory
/// of an arena, 7 kB: one for each call would make a process that goes on calling grow without end.
class LentArena {
 public:
  explicit LentArena(int count) : count_(count) {
    const std::lock_guard lock(pool().mutex);
    Arenas& arenas = pool().arenas[count];
    if (arenas.idle.empty()) {
      arenas.idle.reserve(arenas.made + 1);  // so that giving back cannot throw
      arena_ = std::make_unique<oneapi::tbb::task_arena>(count);
      ++arenas.made;
    } else {
      arena_ = std::move(arenas.idle.back());
      arenas.idle.pop_back();
    }
  }
  LentArena(const LentArena&) = delete;
  LentArena& operator=(const LentArena&) = delete;
  ~LentArena() {
    const std::lock_guard lock(pool().mutex);
    pool().arenas[count_].idle.push_back(std::move(arena_));
  }
  oneapi::tbb::task_arena& operator*() const { return *arena_; }

 private:
  struct Arenas {
    std::size_t made = 0;
    std::vector<std::unique_ptr<oneapi::tbb::task_arena>> idle;
  };
  struct Pool {
    std::mutex mutex;
    std::map<int, Arenas> arenas;  // by their threads
  };
  /// Never destroyed: oneTBB may end before the statics do.
  static Pool& pool() {
    static Pool* const shared = new Pool;
    return *shared;
  }

  int count_;
  std::unique_ptr<oneapi::tbb::task_arena> arena_;
};

/// Runs `call` in the arena. Tasks do not throw (workers.hpp): a runtime_error is oneTBB's own, for threads
/// that the system refuses it.
template <class Call>
void execute(oneapi::tbb::task_arena& arena, const Call& call) {
  try {
    arena.execute(call);
  } catch (const Error&) {
    throw;
  } catch (const std::runtime_error& error) {
    throw BackendError("oneTBB cannot start its threads: " + std::string(error.what()));
  }
}

}  // namespace

detail::Workers tbb_workers(int threads) {
  const int count = threads > 0 ? threads : oneapi::tbb::info::default_concurrency();
  return {count, [count](const std::function<void(int)>& task) {
            // More threads than cores is the caller's right; without this, oneTBB would warn on stderr.
            using Limit = oneapi::tbb::global_control;
            const Limit limit(Limit::max_allowed_parallelism,
                              std::max(Limit::active_value(Limit::max_allowed_parallelism),
                                       static_cast<std::size_t>(count)));
            ForkJoin order;
            order.before_all();
            const LentArena arena(count);
            execute(*arena, [&] {
              const auto body = [&](int worker) {
                order.before_task();
                task(worker);
                order.after_task();
              };
              oneapi::tbb::parallel_for(0, count, body, oneapi::tbb::simple_partitioner{});
            });
            order.after_all();
          }};
}

}  // namespace heavykeys::parallel
