#include "lib/sample_grid.hpp"

#include <algorithm>
#include <cmath>

namespace heavykeys::detail {

namespace {

// For |x| <= 2^51, x + kRounder - kRounder is x rounded to an integer, half to even.
constexpr double kRounder = 0x1.8p52;
double rounded(double x) { return (x + kRounder) - kRounder; }

/// 2^exponent as two factors, each of them a normal float64 for every exponent a sample can have.
struct Power {
  explicit Power(int exponent)
      : a(std::ldexp(1.0, exponent / 2)), b(std::ldexp(1.0, exponent - exponent / 2)) {}
  double a, b;
  // Where the first product is subnormal, the result is below 2^-500 and rounds to 0, rightly.
  double times(double x) const { return x * a * b; }
};

}  // namespace

int sample_exponent(const double* x, std::size_t count) {
  double top = 0.0;
  for (std::size_t i = 0; i < count; ++i) top = std::max(top, std::abs(x[i]));
  if (top == 0.0) return kZeroSample;
  const int least = std::ilogb(top) + 1;
  return (least >= 0 ? least + 7 : least) / 8 * 8;
}

void write_digits(const double* x, std::size_t count, int exponent, DigitLayout layout, double* high,
                  double* low) {
  constexpr double kDigit = 1 << kDigitBits;
  const Power scale(kSampleBits - exponent);
  for (std::size_t first = 0; first < count; first += layout.group) {
    const std::size_t size = std::min(layout.group, count - first);
    double* h = high + first / layout.group * layout.stride;
    double* l = low + first / layout.group * layout.stride;
    for (std::size_t i = 0; i < size; ++i) {
      const double q = rounded(scale.times(x[first + i]));
      h[i] = rounded(q * (1.0 / kDigit));
      l[i] = q - h[i] * kDigit;
    }
  }
}

void round_to_grid(double* x, std::size_t count, int exponent) {
  const Power up(kSampleBits - exponent), down(exponent - kSampleBits);
  for (std::size_t i = 0; i < count; ++i) x[i] = down.times(rounded(up.times(x[i])));
}

}  // namespace heavykeys::detail
