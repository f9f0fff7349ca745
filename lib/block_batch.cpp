#include "lib/block_batch.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

#include "lib/grid.hpp"
#include "lib/pruning.hpp"

namespace heavykeys::detail {

BlockBatch::BlockBatch(PlanPtr plan, std::shared_ptr<const PruneFilter> filter, const Metric* known,
                       RowSample empty_sample)
    : metric(*plan),
      candidates(plan->spec.dim),
      sample(std::move(empty_sample)),
      plan_(std::move(plan)),
      known_(known),
      block_(plan_->spec),
      filter_(std::move(filter)),
      limit_(Candidates::soft_limit(plan_->spec.dim)),
      row_(plan_->spec.dim) {
  if (!plan_->lift.is_trivial()) lifted_.emplace(plan_->lift, plan_->spec.grid_bits);
  if (plan_->rule.weighted) weighted_.emplace(*plan_);
}

void BlockBatch::measure(const Rows& rows) {
  panel_ = nullptr;
  if (lifted_) {
    block_.fit(rows);
    lifted_->add(block_, metric.gram);
    return;
  }
  block_.compute(rows);
  if (weighted_) {
    weighted_->add(block_, known_, metric);
  } else {
    metric.gram.add_block(block_.exponents(), block_.sums(), block_.width(), rows.count);
  }
}

void BlockBatch::refresh_filter() {
  // At 1, 2, 4, ... blocks (a lift's filter costs as much as blocks do: 1, 4, 16, ...), and only while these
  // rows know more than the filter that was handed in.
  if (!std::has_single_bit(blocks_) || (lifted_ && std::countr_zero(blocks_) % 2 == 1)) return;
  if (filter_ && filter_->rows() >= metric.rows()) return;
  if (auto better = build_filter(*plan_, metric, candidates)) filter_ = std::move(better);
}

const double* BlockBatch::gridded_row(std::size_t r) {
  if (panel_ == nullptr || r < panel_begin_ || r >= panel_end_) {
    panel_begin_ = r / BlockGram::kPanelRows * BlockGram::kPanelRows;
    panel_end_ = std::min(panel_begin_ + BlockGram::kPanelRows, block_.rows());
    panel_ = block_.panel(panel_begin_, panel_end_ - panel_begin_);
  }
  const std::int32_t* q = panel_ + (r - panel_begin_) * block_.width();
  for (std::size_t c = 0; c < row_.size(); ++c) {
    row_[c] = gridded_value(q[c], block_.exponents()[c], plan_->spec.grid_bits);
  }
  return row_.data();
}

void BlockBatch::keep_rows(const Rows& rows) {
  panel_ = nullptr;  // the filter reads panels too
  for (std::uint32_t r : survivors_) candidates.append({rows.stream, rows.first_id + r}, gridded_row(r));
  if (sample.capacity() == 0) return;
  std::vector<std::uint32_t> sampled;
  sample.select(rows.stream, rows.first_id, rows.count, sampled);
  for (std::uint32_t r : sampled) sample.add({rows.stream, rows.first_id + r}, gridded_row(r));
}

void BlockBatch::add(const Rows& rows) {
  measure(rows);
  ++blocks_;
  // One test needs the Gram matrix alone; an onion is peeled from candidates, so this block has to join them.
  const bool onion = plan_->rule.layers > 1;
  if (!onion) refresh_filter();
  survivors_.clear();
  if (filter_) {
    filter_->survivors(block_, *plan_, lifted_ ? &*lifted_ : nullptr, survivors_);
  } else {
    survivors_.resize(rows.count);
    std::iota(survivors_.begin(), survivors_.end(), 0u);
  }
  keep_rows(rows);
  if (onion) refresh_filter();
  if (candidates.size() > limit_) {
    prune(*plan_, metric, candidates);
    limit_ = std::max(limit_, 2 * candidates.size());
  }
}

}  // namespace heavykeys::detail
