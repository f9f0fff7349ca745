// The threads of each runtime as lib's Workers.
#pragma once

#include "heavykeys/parallel.hpp"
#include "lib/workers.hpp"

namespace heavykeys::parallel {

/// Throws BackendError when the runtime was not built, InvalidInput for a negative thread count.
detail::Workers make_workers(const Options& options);

#ifdef HEAVYKEYS_TBB
detail::Workers tbb_workers(int threads);
#endif
#ifdef HEAVYKEYS_OPENMP
detail::Workers openmp_workers(int threads);
#endif

}  // namespace heavykeys::parallel
