#include "lib/block_gram.hpp"

#include <algorithm>

#include "lib/grid.hpp"
#include "lib/isa.hpp"
#include "lib/kernels.hpp"
#include "lib/read_rows.hpp"

namespace heavykeys::detail {

BlockGram::BlockGram(const Spec& spec) : spec_(spec), width_(padded(spec.dim)) {}

const std::int32_t* BlockGram::panel(std::size_t begin, std::size_t count) {
  panel_.resize(kPanelRows * width_);  // padding columns are written once, as zeros
  quantise(block_.slice(begin, count), exponents_, spec_.grid_bits, panel_.data(), width_);
  return panel_.data();
}

void BlockGram::fit(const Rows& block) {
  block_ = block;
  const bool direct = block.dtype == Dtype::f64 || (block.dtype == Dtype::f32 && block.column_stride == 1);
  if (!direct) {
    floats_.resize(block.count * block.dim);
    read_floats(block, floats_.data());
    block_ = heavykeys::rows(floats_.data(), block.count, block.dim, block.first_id);
    block_.stream = block.stream;
  }
  exponents_ = fit_grid(block_);
}

void BlockGram::compute(const Rows& rows) {
  fit(rows);
  const Rows& block = block_;
  const Isa isa = current_isa();
  sums_.resize(width_ * width_);
  const bool use_amx = isa == Isa::amx && width_ <= AmxGram::kMaxWidth;
  if (use_amx) {
    if (!amx_) amx_ = std::make_unique<AmxGram>(width_, spec_.grid_bits);
    amx_->begin();
  } else {
    std::fill(sums_.begin(), sums_.end(), 0);
  }
  const auto scale =
      use_amx ? float_scales(block_, exponents_, spec_.grid_bits, width_) : AlignedVector<float>{};
  for (std::size_t r = 0; r < block.count; r += kPanelRows) {
    const std::size_t count = std::min(kPanelRows, block.count - r);
    if (!scale.empty()) {
      const float* data =
          static_cast<const float*>(block_.data) + static_cast<std::ptrdiff_t>(r) * block_.row_stride;
      amx_->add_panel(data, block_.row_stride, block_.dim, scale.data(), count);
    } else if (use_amx) {
      amx_->add_panel(panel(r, count), count);
    } else {
      gram_by_float64(panel(r, count), count, width_, spec_.grid_bits, sums_.data());
    }
  }
  if (use_amx) amx_->finish(sums_.data());
}

}  // namespace heavykeys::detail
