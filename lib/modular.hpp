// Arithmetic modulo primes just below 2^62, in Montgomery form: exact linear algebra without big integers.
#pragma once

#include <cstdint>

namespace heavykeys::detail {

class PrimeField {
 public:
  explicit PrimeField(std::uint64_t prime);

  std::uint64_t prime() const { return p_; }

  /// Elements are residues in Montgomery form, in [0, p).
  /// Of any 64 bits: their product with square_ < p is below 2^64 p, as `reduce` needs.
  std::uint64_t element(std::uint64_t value) const { return multiply(value, square_); }
  std::uint64_t value(std::uint64_t a) const { return reduce(a); }
  std::uint64_t one() const { return one_; }
  std::uint64_t two_to_64() const { return square_; }  // 2^128 in Montgomery's form is 2^64

  std::uint64_t add(std::uint64_t a, std::uint64_t b) const {
    const std::uint64_t s = a + b;
    return s >= p_ ? s - p_ : s;
  }
  std::uint64_t subtract(std::uint64_t a, std::uint64_t b) const { return a >= b ? a - b : a + p_ - b; }
  std::uint64_t multiply(std::uint64_t a, std::uint64_t b) const {
    return reduce(static_cast<unsigned __int128>(a) * b);
  }
  std::uint64_t power(std::uint64_t a, std::uint64_t exponent) const;
  std::uint64_t inverse(std::uint64_t a) const { return power(a, p_ - 2); }
  /// 2^exponent, any sign.
  std::uint64_t power_of_two(std::int64_t exponent) const;

 private:
  std::uint64_t reduce(unsigned __int128 t) const {
    const std::uint64_t m = static_cast<std::uint64_t>(t) * negative_inverse_;
    const std::uint64_t r = static_cast<std::uint64_t>((t + static_cast<unsigned __int128>(m) * p_) >> 64);
    return r >= p_ ? r - p_ : r;
  }

  std::uint64_t p_, negative_inverse_, one_, square_;
};

/// The i-th prime below 2^62, counting down from the greatest. Found once, then remembered; thread-safe.
std::uint64_t prime_below_2_62(std::size_t i);

/// The least prime >= start, for start in [2^61, 2^62 - 2^20].
std::uint64_t prime_at_or_above(std::uint64_t start);

}  // namespace heavykeys::detail
