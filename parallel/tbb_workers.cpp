#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>

#include "parallel/workers.hpp"

namespace heavykeys::parallel {

detail::Workers tbb_workers(int threads) {
  const int count = threads > 0 ? threads : oneapi::tbb::info::default_concurrency();
  return {count, [count](const std::function<void(int)>& task) {
            // More threads than cores is the caller's right; without this, oneTBB would warn on stderr.
            using Limit = oneapi::tbb::global_control;
            const Limit limit(Limit::max_allowed_parallelism,
                              std::max(Limit::active_value(Limit::max_allowed_parallelism), static_cast<std::size_t>(count)));
            oneapi::tbb::task_arena arena(count);
            arena.execute([&] {
              oneapi::tbb::parallel_for(0, count, [&](int worker) { task(worker); }, oneapi::tbb::simple_partitioner{});
            });
          }};
}

}  // namespace heavykeys::parallel
