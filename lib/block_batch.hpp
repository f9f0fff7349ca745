// What one worker makes of its blocks: a partial metric and loosely pruned candidates.
#pragma once

#include <memory>
#include <optional>

#include "lib/block_gram.hpp"
#include "lib/candidates.hpp"
#include "lib/lifted_gram.hpp"
#include "lib/metric.hpp"
#include "lib/prune_filter.hpp"
#include "lib/row_sample.hpp"
#include "lib/weighted_gram.hpp"

namespace heavykeys::detail {

class BlockBatch {
 public:
  /// `filter` may come from any rows of the same sketch, or be null. `known`: what the sketch has measured so
  /// far, for arrival weights; it must outlive the batch, or be null. `empty_sample`: the sketch's fresh()
  /// sample.
  BlockBatch(PlanPtr plan, std::shared_ptr<const PruneFilter> filter, const Metric* known,
             RowSample empty_sample);

  /// Adds one block. Throws InvalidInput on NaN/Inf; the batch is then to be thrown away.
  void add(const Rows& block);

  Metric metric;
  Candidates candidates;
  RowSample sample;

 private:
  void measure(const Rows& rows);
  void refresh_filter();
  void keep_rows(const Rows& rows);
  const double* gridded_row(std::size_t r);

  PlanPtr plan_;
  const Metric* known_;
  BlockGram block_;
  std::optional<LiftedGram> lifted_;
  std::optional<WeightedGram> weighted_;
  std::shared_ptr<const PruneFilter> filter_;
  std::uint64_t blocks_ = 0;
  std::size_t limit_;
  std::vector<std::uint32_t> survivors_;
  std::vector<double> row_;
  const std::int32_t* panel_ = nullptr;  // of block_, rows panel_begin_ .. panel_end_ - 1
  std::size_t panel_begin_ = 0, panel_end_ = 0;
};

}  // namespace heavykeys::detail
