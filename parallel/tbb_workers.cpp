#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include "parallel/workers.hpp"

namespace heavykeys::parallel {

detail::Workers tbb_workers(int threads) {
  const int count = threads > 0 ? threads : oneapi::tbb::info::default_concurrency();
  return {count, [count](const std::function<void(int)>& task) {
            oneapi::tbb::task_arena arena(count);
            arena.execute([&] {
              oneapi::tbb::parallel_for(0, count, [&](int worker) { task(worker); }, oneapi::tbb::simple_partitioner{});
            });
          }};
}

}  // namespace heavykeys::parallel
