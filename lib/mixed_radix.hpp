// Integers from their residues modulo many primes (Garner's algorithm): sign, and size as a float.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/double_double.hpp"
#include "lib/modular.hpp"

namespace heavykeys::detail {

/// mantissa * 2^exponent, for numbers far outside the range of a double.
struct ScaledDouble {
  DoubleDouble mantissa;
  std::int64_t exponent = 0;
};

double ratio(const ScaledDouble& a, const ScaledDouble& b);

class MixedRadix {
 public:
  void add_prime(std::uint64_t prime);
  /// Integers of absolute value < 2^(bits() - 1) are determined by their residues.
  std::int64_t bits() const { return 61 * static_cast<std::int64_t>(fields_.size()); }

  /// Sign of the integer in (-M/2, M/2), M the product of the primes, with these residues.
  int sign(const std::vector<std::uint64_t>& residues) const;
  /// The integer in [0, M) with these residues, relative error < 1e-20.
  ScaledDouble magnitude(const std::vector<std::uint64_t>& residues) const;

 private:
  std::vector<std::uint64_t> digits(const std::vector<std::uint64_t>& residues) const;

  std::vector<PrimeField> fields_;
  std::vector<std::uint64_t> inverses_;  // of p_0 ... p_(i-1) modulo p_i, Montgomery form
};

}  // namespace heavykeys::detail
