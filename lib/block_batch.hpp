// What one worker makes of its blocks: a partial Gram matrix and loosely pruned candidates.
#pragma once

#include <memory>

#include "lib/block_gram.hpp"
#include "lib/candidates.hpp"
#include "lib/exact_gram.hpp"
#include "lib/prune_filter.hpp"

namespace heavykeys::detail {

class BlockBatch {
 public:
  /// `filter` may come from any rows of the same sketch, or be null.
  BlockBatch(const Spec& spec, std::shared_ptr<const PruneFilter> filter);

  /// Adds one block. Throws InvalidInput on NaN/Inf; the batch is then to be thrown away.
  void add(const Rows& block);

  ExactGram gram;
  Candidates candidates;

 private:
  void refresh_filter();
  void keep_survivors(const Rows& rows);

  Spec spec_;
  BlockGram block_;
  std::shared_ptr<const PruneFilter> filter_;
  std::uint64_t blocks_ = 0;
  std::size_t limit_;
  std::vector<std::uint32_t> survivors_;
};

}  // namespace heavykeys::detail
