// Arrival weights for one block and its exact weighted Gram matrix (T7).
#pragma once

#include <cstdint>
#include <vector>

#include "lib/aligned.hpp"
#include "lib/block_gram.hpp"
#include "lib/metric.hpp"

namespace heavykeys::detail {

/// Weights are powers of 4, so that sqrt(w) k~ is on a grid as k~ is and the weighted Gram matrix is exact:
/// states merge by addition, and nothing is lost to rounding. Scratch for one thread.
class WeightedGram {
 public:
  explicit WeightedGram(const Plan& plan) : plan_(plan) {}

  /// Adds the block last computed to `own`. Weights are Lewis weights of its rows in `known` + `own` + the
  /// block. Cost: a handful of passes of O(rows d^2).
  void add(BlockGram& block, const Metric* known, Metric& own);

 private:
  std::vector<int> arrival_weights(BlockGram& block, const Metric* known, const Metric& own);

  const Plan& plan_;
  AlignedVector<std::int32_t> group_;
  AlignedVector<std::int64_t> sums_;
};

}  // namespace heavykeys::detail
