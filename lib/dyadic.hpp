// Exact numbers m * 2^e with m a big integer: for the few decisions no floating point can make.
#pragma once

#include <vector>

#include "lib/double_double.hpp"
#include "lib/limbs.hpp"

namespace heavykeys::detail {

class Dyadic {
 public:
  Dyadic() = default;
  explicit Dyadic(double value);
  /// A two's-complement integer of `limbs` limbs, times 2^exponent.
  Dyadic(const Limb* words, int limbs, int exponent);

  int sign() const;  ///< -1, 0, 1
  Dyadic negated() const;

  friend Dyadic operator+(const Dyadic& a, const Dyadic& b);
  friend Dyadic operator*(const Dyadic& a, const Dyadic& b);

  /// Rounded to nearest twice, hi then lo, after scaling by 2^scale: relative error <= 2^-106
  /// (unless the result leaves the range of a double).
  DoubleDouble rounded(int scale = 0) const;
  /// x with 2^(x-1) <= |value| < 2^x; a very negative number for 0.
  int binary_exponent() const;

 private:
  void trim();
  std::vector<Limb> magnitude_;  // no high zero limbs
  bool negative_ = false;
  int exponent_ = 0;
};

}  // namespace heavykeys::detail
