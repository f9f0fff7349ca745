#include "lib/block_batch.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

#include "lib/grid.hpp"

namespace heavykeys::detail {

BlockBatch::BlockBatch(const Spec& spec, std::shared_ptr<const PruneFilter> filter)
    : gram(spec.dim, spec.grid_bits),
      candidates(spec.dim),
      spec_(spec),
      block_(spec),
      filter_(std::move(filter)),
      limit_(Candidates::soft_limit(spec.dim)) {}

void BlockBatch::refresh_filter() {
  // At 1, 2, 4, ... blocks, and only while these rows know more than the filter that was handed in.
  if (!std::has_single_bit(blocks_) || (filter_ && filter_->rows() >= gram.rows())) return;
  if (auto better = PruneFilter::build(gram, spec_.epsilon)) filter_ = std::move(better);
}

void BlockBatch::keep_survivors(const Rows& rows) {
  std::vector<double> row(spec_.dim);
  const std::int32_t* panel = nullptr;
  std::size_t begin = 0, end = 0;  // rows the panel holds
  for (std::uint32_t r : survivors_) {
    if (r >= end) {
      begin = r / BlockGram::kPanelRows * BlockGram::kPanelRows;
      end = std::min(begin + BlockGram::kPanelRows, rows.count);
      panel = block_.panel(begin, end - begin);
    }
    const std::int32_t* q = panel + (r - begin) * block_.width();
    for (std::size_t c = 0; c < spec_.dim; ++c) {
      row[c] = gridded_value(q[c], block_.exponents()[c], spec_.grid_bits);
    }
    candidates.append({rows.stream, rows.first_id + r}, row.data());
  }
}

void BlockBatch::add(const Rows& rows) {
  block_.compute(rows);
  gram.add_block(block_.exponents(), block_.sums(), block_.width(), rows.count);
  ++blocks_;
  refresh_filter();

  survivors_.clear();
  if (filter_) {
    filter_->survivors(block_, spec_.grid_bits, survivors_);
  } else {
    survivors_.resize(rows.count);
    std::iota(survivors_.begin(), survivors_.end(), 0u);
  }
  keep_survivors(rows);
  if (candidates.size() > limit_) {
    prune(candidates, gram, spec_.epsilon);
    limit_ = std::max(limit_, 2 * candidates.size());
  }
}

}  // namespace heavykeys::detail
