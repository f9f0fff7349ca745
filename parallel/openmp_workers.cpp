#include <omp.h>

#include "parallel/workers.hpp"

namespace heavykeys::parallel {

detail::Workers openmp_workers(int threads) {
  const int count = threads > 0 ? threads : omp_get_max_threads();
  return {count, [count](const std::function<void(int)>& task) {
#pragma omp parallel for num_threads(count) schedule(static, 1)
            for (int worker = 0; worker < count; ++worker) task(worker);
          }};
}

}  // namespace heavykeys::parallel
