// Exact sums of numbers >= 0 of any magnitude: what makes a scan independent of the order of its keys.
#pragma once

#include <array>
#include <cstdint>
#include <limits>

#include "lib/limbs.hpp"
#include "lib/powers_of_two.hpp"  // IWYU pragma: export

namespace heavykeys::detail {

/// A number in [2^(e - 1), 2^e) belongs to the bin floor(e / 128). Of the two greatest bins the sum is kept,
/// exactly, as integers: 2^55 numbers of 53 bits fit. What is in lower bins is less than 2^-73 of the sum,
/// and is let go. Which bins are kept depends on the greatest alone, and integers add in any order, so a sum
/// is a function of the multiset of numbers.
class ScanSum {
 public:
  static constexpr int kBinBits = 128, kBins = 2;
  static constexpr int kLimbs = 4;  // of a bin: 53 + 127 + 55 bits, and the sign
  static constexpr std::int64_t kEmpty = std::numeric_limits<std::int64_t>::min();  // top() of no number
  /// The bins top() - 1 and top(), in units of 2^-53 times the least number that belongs in each.
  using Words = std::array<Limb, kBins * kLimbs>;

  /// += value 2^unit; value >= 0, finite.
  void add(double value, std::int64_t unit);
  void add(const ScanSum& other);
  /// Makes `bin`, at least top(), the greatest: as adding a number of that bin, and taking it away again.
  void raise(std::int64_t bin);

  std::int64_t top() const { return top_; }
  Words& words() { return words_; }
  const Words& words() const { return words_; }
  bool empty() const { return top_ == kEmpty; }

  /// Bounds of the kept sum times 2^-unit, 2^-52 of it apart, unless they leave the range of a double.
  double at_least(std::int64_t unit) const { return rounded(unit, 0); }
  double at_most(std::int64_t unit) const { return rounded(unit, 1); }

  friend bool operator==(const ScanSum&, const ScanSum&) = default;

 private:
  double rounded(std::int64_t unit, int up) const;

  std::int64_t top_ = kEmpty;
  Words words_{};
};

}  // namespace heavykeys::detail
