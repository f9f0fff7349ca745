// Exact sums of outer products of samples: what a covariance is made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/aligned.hpp"
#include "lib/dense_kernels.hpp"
#include "lib/int128.hpp"

namespace heavykeys::detail {

/// Samples as two digits (sample_grid.hpp), in strips of columns: [strips, samples, kStrip] doubles each.
struct DigitStrips {
  DigitStrips(std::size_t columns, std::size_t most_samples);
  /// Makes room for so many samples, at most those it was made for. The padding of the last strip stays 0.
  void resize(std::size_t samples_now);

  std::size_t strips = 0;
  std::size_t samples = 0;  ///< of this batch
  AlignedVector<double> high, low;
};

/// sum left right^T over samples, [left, right] 128-bit integers. Of a sample with itself only the upper
/// triangle (and some more of the strips on the diagonal) is kept.
class ProductSums {
 public:
  /// columns of left and right; `upper`: they are the same.
  ProductSums(std::size_t left, std::size_t right, bool upper);

  static constexpr std::size_t kMostSamples = 4096;  // of a batch: sums of pairs of digits stay in int64
  static constexpr std::size_t kWorkspace = 3 * 16 * kStrip * kStrip;
  /// Adds strip `strip` of left times all columns of right. Distinct strips may be added to at once, each
  /// with a workspace of its own. Does not throw.
  void add_strip(const DigitStrips& left, const DigitStrips& right, std::size_t strip,
                 std::int64_t* workspace);
  std::size_t strip_count() const { return left_strips_; }

  void add(const ProductSums& other);

  /// Element (i, j); j >= i where only the upper triangle is kept.
  Int128& at(std::size_t i, std::size_t j) { return sums_[offset(i, j)]; }
  const Int128& at(std::size_t i, std::size_t j) const { return sums_[offset(i, j)]; }
  std::size_t memory_bytes() const { return sums_.capacity() * sizeof(Int128); }
  /// All integers, to be summed with those of another of the same shape.
  std::vector<Int128>& integers() { return sums_; }

 private:
  std::size_t first_strip(std::size_t strip) const { return upper_ ? strip : 0; }
  std::size_t width(std::size_t strip) const { return (right_strips_ - first_strip(strip)) * kStrip; }
  std::size_t offset(std::size_t i, std::size_t j) const;

  std::size_t left_strips_, right_strips_;
  bool upper_;
  std::vector<std::size_t> begin_;  // of each strip, in sums_
  std::vector<Int128> sums_;
};

}  // namespace heavykeys::detail
