#include "lib/lifted_gram.hpp"

#include <algorithm>
#include <cmath>

#include "lib/dense_kernels.hpp"
#include "lib/kernels.hpp"

namespace heavykeys::detail {

namespace {

/// Digit number `digit` of v in base 2^bits, all but the last of `digits` in [-2^(bits-1), 2^(bits-1)).
double balanced_digit(Int128 v, int digit, int digits, int bits) {
  const Int128 half = Int128{1} << (bits - 1), mask = (Int128{1} << bits) - 1;
  for (int t = 0; t < digit; ++t) v = (v - (((v + half) & mask) - half)) >> bits;
  if (digit + 1 < digits) v = ((v + half) & mask) - half;
  return static_cast<double>(static_cast<std::int64_t>(v));
}

}  // namespace

LiftedGram::LiftedGram(const Lift& lift, int grid_bits)
    : lift_(lift),
      grid_bits_(grid_bits),
      strips_((lift.size() + kStrip - 1) / kStrip),
      left_(BlockGram::kPanelRows * strips_ * kStrip),
      right_(BlockGram::kPanelRows * strips_ * kStrip),
      sums_(strips_ * kStrip * strips_ * kStrip),
      integers_(lift.dim()),
      lifted_(lift.size()) {}

std::vector<int> lifted_exponents(const Lift& lift, int grid_bits, const std::vector<int>& base) {
  // kZeroColumn would not survive addition; no sum of real exponents comes near this.
  constexpr int kNone = -(1 << 24);
  std::vector<int> in(base), out(lift.size());
  for (int& e : in) e = e == kZeroColumn ? kNone : e;
  lift.sums(in.data(), out.data());
  for (std::size_t c = 0; c < out.size(); ++c) {
    out[c] = out[c] < kNone / 2 ? kZeroColumn : out[c] + (lift.top_degree() - lift.degree(c)) * grid_bits;
  }
  return out;
}

void LiftedGram::pack(BlockGram& block, std::size_t first, std::size_t count, int digit,
                      AlignedVector<double>& out) {
  const std::int32_t* q = block.panel(first, count);
  std::fill(out.begin(), out.end(), 0.0);
  for (std::size_t r = 0; r < count; ++r) {
    std::copy_n(q + r * block.width(), lift_.dim(), integers_.begin());
    lift_.products(integers_.data(), lifted_.data());
    for (std::size_t c = 0; c < lift_.size(); ++c) {
      out[(c / kStrip * count + r) * kStrip + c % kStrip] =
          balanced_digit(lifted_[c], digit, lift_.top_degree(), grid_bits_);
    }
  }
}

void LiftedGram::add(BlockGram& block, ExactGram& gram) {
  const std::vector<int> exponents = lifted_exponents(lift_, grid_bits_, block.exponents());
  const std::size_t width = strips_ * kStrip;
  gram.begin_block(exponents, block.rows());
  block_sums_.assign(lift_.size() * lift_.size(), 0.0);
  for (int a = 0; a < lift_.top_degree(); ++a) {
    for (int b = a; b < lift_.top_degree(); ++b) {
      std::fill(sums_.begin(), sums_.end(), 0);
      for (std::size_t first = 0; first < block.rows(); first += BlockGram::kPanelRows) {
        const std::size_t count = std::min(BlockGram::kPanelRows, block.rows() - first);
        pack(block, first, count, a, left_);
        if (b != a) pack(block, first, count, b, right_);
        strip_products({left_.data(), strips_}, {b == a ? left_.data() : right_.data(), strips_}, count,
                       grid_bits_, a == b, sums_.data());
      }
      // Digits a and b meet as (a, b) and as (b, a).
      const double weight = std::ldexp(1.0, (a + b) * grid_bits_);
      gram.add_piece(exponents, (a + b) * grid_bits_, [&](std::size_t i, std::size_t j) {
        const std::int64_t sum = a == b ? sums_[i * width + j] : sums_[i * width + j] + sums_[j * width + i];
        block_sums_[i * lift_.size() + j] += static_cast<double>(sum) * weight;
        return sum;
      });
    }
  }
}

}  // namespace heavykeys::detail
