#include "lib/covariance_absorb.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "heavykeys/error.hpp"
#include "lib/covariance_state.hpp"
#include "lib/float_environment.hpp"
#include "lib/read_rows.hpp"
#include "lib/shared_tasks.hpp"
#include "lib/stage.hpp"
#include "lib/text.hpp"

namespace heavykeys::detail {

namespace {

/// Samples of a batch: enough that products outweigh the touching of their sums, and 32 MiB of elements at
/// most while that leaves 4.
std::size_t batch_size(std::size_t dim) {
  constexpr std::size_t kElements = std::size_t{1} << 22;
  return std::clamp<std::size_t>(kElements / dim, 4, 1024);
}

void check(const CovarianceState& state, const Rows& samples, const Workers& workers) {
  if (samples.dim != state.spec.dim) {
    throw InvalidInput("samples have " + std::to_string(samples.dim) + " elements; the covariance is of " +
                       std::to_string(state.spec.dim));
  }
  if (samples.count > kMostSamples - state.samples)
    throw InvalidInput("a covariance holds at most 2^30 samples");
  const std::size_t size = batch_size(samples.dim);
  share_tasks("absorb", workers, (samples.count + size - 1) / size, [&](int, std::size_t task) {
    const std::size_t first = task * size;
    const std::size_t count = std::min(size, samples.count - first);
    Rows slice = samples.slice(first, count);
    require_finite(slice);
  });
}

class Absorption {
 public:
  Absorption(CovarianceState& state, const Rows& samples, const Workers& workers)
      : state_(state),
        samples_(samples),
        workers_(workers),
        signs_(state.signs()),
        size_(std::min(batch_size(samples.dim), samples.count)),
        x_(size_ * samples.dim),
        image_stride_(signs_.strips() * kStrip),
        images_(size_ * image_stride_),
        keys_(size_),
        order_(size_),
        left_(samples.dim, size_),
        right_(state.is_sketch() ? signs_.columns : 1, state.is_sketch() ? size_ : 0),
        products_(static_cast<std::size_t>(workers.count) * ProductSums::kWorkspace),
        projections_(state.is_sketch() ? static_cast<std::size_t>(workers.count) : 0) {}

  /// Exponents first, for the groups that they need; then all is added, and nothing throws.
  void run() {
    for (std::size_t first = 0; first < samples_.count; first += size_) {
      prepare(first);
      make_groups();
      if (samples_.count <= size_) add_batch();
    }
    if (samples_.count > size_) {
      for (std::size_t first = 0; first < samples_.count; first += size_) {
        prepare(first);
        add_batch();
      }
    }
    state_.samples += samples_.count;
  }

 private:
  [[noreturn]] void refuse_large(const double* x, std::size_t row) const {
    const double* top =
        std::max_element(x, x + samples_.dim, [](double a, double b) { return std::abs(a) < std::abs(b); });
    throw InvalidInput(shortest(*top) + " at row " + std::to_string(samples_.first_id + row) + ", column " +
                       std::to_string(top - x) + ": elements must be below 2^496");
  }

  void prepare(std::size_t first) {
    count_ = std::min(size_, samples_.count - first);
    first_ = first;
    share_tasks("absorb", workers_, count_, [this](int, std::size_t r) {
      double* x = x_.data() + r * samples_.dim;
      read_row(samples_, first_ + r, x);
      keys_[r].left = keys_[r].right = sample_exponent(x, samples_.dim);
      if (keys_[r].left > kMostExponent) refuse_large(x, first_ + r);
      if (keys_[r].left != kZeroSample && state_.is_sketch()) round_to_grid(x, samples_.dim, keys_[r].left);
    });
    if (!state_.is_sketch()) return;
    share_tasks("absorb", workers_, signs_.strips(), [this](int worker, std::size_t strip) {
      signs_.multiply(x_.data(), count_, strip, projections_[static_cast<std::size_t>(worker)],
                      images_.data() + strip * kStrip, image_stride_);
    });
    for (std::size_t r = 0; r < count_; ++r) {
      keys_[r].right = sample_exponent(images_.data() + r * image_stride_, image_stride_);
    }
  }

  void make_groups() {
    for (std::size_t r = 0; r < count_; ++r) {
      if (keys_[r].left == kZeroSample) continue;
      state_.elements_of(keys_[r].left);
      if (keys_[r].right == kZeroSample) continue;
      if (state_.is_sketch()) state_.images_of(keys_[r].right);
      state_.products_of(keys_[r]);
    }
  }

  /// Samples of equal exponents together, in any order: sums do not see it.
  void add_batch() {
    std::iota(order_.begin(), order_.end(), 0);
    std::sort(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(count_),
              [this](std::size_t a, std::size_t b) { return keys_[a] < keys_[b]; });
    for (std::size_t begin = 0; begin < count_;) {
      std::size_t end = begin;
      while (end < count_ && keys_[order_[end]] == keys_[order_[begin]]) ++end;
      add_group(begin, end);
      begin = end;
    }
  }

  void add_group(std::size_t begin, std::size_t end) {
    key_ = keys_[order_[begin]];
    begin_ = begin;
    if (key_.left == kZeroSample) return;
    left_.resize(end - begin);
    const bool has_image = state_.is_sketch() && key_.right != kZeroSample;
    if (has_image) right_.resize(end - begin);
    share_tasks("absorb", workers_, end - begin, [this](int, std::size_t r) { write_sample(r); });
    elements_ = &state_.elements_of(key_.left);
    elements_->samples += end - begin;
    images_of_ = has_image ? &state_.images_of(key_.right) : nullptr;
    if (has_image) images_of_->samples += end - begin;
    group_ = key_.right == kZeroSample ? nullptr : &state_.products_of(key_);
    if (group_ != nullptr) group_->samples += end - begin;
    share_tasks("absorb", workers_, left_.strips,
                [this](int worker, std::size_t strip) { add_strip(worker, strip); });
    if (!has_image) return;
    for (std::size_t strip = 0; strip < right_.strips; ++strip) add_elements(right_, strip, *images_of_);
  }

  void write_sample(std::size_t r) {
    const std::size_t sample = order_[begin_ + r];
    write_digits(x_.data() + sample * samples_.dim, samples_.dim, key_.left, {kStrip, left_.samples * kStrip},
                 left_.high.data() + r * kStrip, left_.low.data() + r * kStrip);
    if (!state_.is_sketch() || key_.right == kZeroSample) return;
    write_digits(images_.data() + sample * image_stride_, signs_.columns, key_.right,
                 {kStrip, right_.samples * kStrip}, right_.high.data() + r * kStrip,
                 right_.low.data() + r * kStrip);
  }

  void add_strip(int worker, std::size_t strip) {
    add_elements(left_, strip, *elements_);
    if (group_ == nullptr) return;
    group_->sums.add_strip(left_, state_.is_sketch() ? right_ : left_, strip,
                           products_.data() + static_cast<std::size_t>(worker) * ProductSums::kWorkspace);
  }

  static void add_elements(const DigitStrips& digits, std::size_t strip, ElementSums& group) {
    const std::size_t begin = strip * kStrip, columns = std::min(kStrip, group.sums.size() - begin);
    for (std::size_t r = 0; r < digits.samples; ++r) {
      const std::size_t at = (strip * digits.samples + r) * kStrip;
      for (std::size_t c = 0; c < columns; ++c) {
        const auto high = static_cast<std::int64_t>(digits.high[at + c]);
        const std::int64_t q =
            high * (std::int64_t{1} << kDigitBits) + static_cast<std::int64_t>(digits.low[at + c]);
        group.sums[begin + c] += q;
        if (!group.squares.empty()) group.squares[begin + c] += Int128{q} * q;
      }
    }
  }

  CovarianceState& state_;
  const Rows& samples_;
  const Workers& workers_;
  SignVectors signs_;
  std::size_t size_;
  std::vector<double> x_;
  std::size_t image_stride_;
  std::vector<double> images_;
  std::vector<ProductKey> keys_;
  std::vector<std::size_t> order_;
  DigitStrips left_, right_;
  std::vector<std::int64_t> products_;
  std::vector<SignVectors::Workspace> projections_;

  // Of the batch, and of the group that is being added.
  std::size_t first_ = 0, count_ = 0, begin_ = 0;
  ProductKey key_;
  ElementSums* elements_ = nullptr;
  ElementSums* images_of_ = nullptr;
  ProductGroup* group_ = nullptr;
};

}  // namespace

void absorb_with(Covariance& covariance, const Rows& samples, const Workers& workers) {
  const FloatEnvironment ieee;
  CovarianceState& state = CovarianceAccess::state(covariance);
  check(state, samples, workers);
  if (samples.count == 0) return;
  Absorption absorption(state, samples, workers);
  const Unwatched begun;  // sums change from here on
  absorption.run();
}

}  // namespace heavykeys::detail
