#include "heavykeys/parallel.hpp"
#include "lib/pattern_precision.hpp"
#include "parallel/workers.hpp"

namespace heavykeys::parallel {

PatternPrecision verify(const SparsePattern& pattern, const Rows& queries, const Rows& keys,
                        const Options& options) {
  return detail::verify_with(pattern, queries, keys, make_workers(options));
}

SmallestDim smallest_dim(const SparsePattern& pattern, const PlantOptions& what, std::size_t trials,
                         const Options& options) {
  return detail::smallest_dim_with(pattern, what, trials, make_workers(options));
}

}  // namespace heavykeys::parallel
