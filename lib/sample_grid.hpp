// The grid of one sample: integers of 48 bits in two digits, so that sums of products are exact.
#pragma once

#include <cstddef>
#include <limits>

namespace heavykeys::detail {

inline constexpr int kDigitBits = 24;
inline constexpr int kSampleBits = 2 * kDigitBits;

/// The exponent of a sample that is 0 throughout: it adds to no sum.
inline constexpr int kZeroSample = std::numeric_limits<int>::min();

/// The least multiple E of 8 with |x[i]| < 2^E for all i. Multiples of 8, so that samples share few
/// exponents.
int sample_exponent(const double* x, std::size_t count);

/// q = round_half_even(x 2^(48 - exponent)), |q| <= 2^48, as q = high 2^24 + low, |high| <= 2^24, |low| <=
/// 2^23, written `stride` doubles apart for each group of `group` elements: element i goes to [i / group *
/// stride + i % group].
struct DigitLayout {
  std::size_t group = 0;
  std::size_t stride = 0;
};
void write_digits(const double* x, std::size_t count, int exponent, DigitLayout layout, double* high,
                  double* low);

/// x rounded to the grid of its exponent, in place: what the digits stand for.
void round_to_grid(double* x, std::size_t count, int exponent);

}  // namespace heavykeys::detail
