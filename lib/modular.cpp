#include "lib/modular.hpp"

#include <mutex>
#include <vector>

namespace heavykeys::detail {

PrimeField::PrimeField(std::uint64_t prime) : p_(prime) {
  std::uint64_t inverse = 1;
  for (int i = 0; i < 6; ++i) inverse *= 2 - p_ * inverse;  // Newton, 2^64 | p x - 1 after six steps
  negative_inverse_ = ~inverse + 1;
  const auto power_2_64 = (static_cast<unsigned __int128>(1) << 64) % p_;
  one_ = static_cast<std::uint64_t>(power_2_64);
  square_ = static_cast<std::uint64_t>(power_2_64 * power_2_64 % p_);
}

std::uint64_t PrimeField::power(std::uint64_t a, std::uint64_t exponent) const {
  std::uint64_t result = one_;
  for (; exponent != 0; exponent >>= 1) {
    if (exponent & 1) result = multiply(result, a);
    a = multiply(a, a);
  }
  return result;
}

std::uint64_t PrimeField::power_of_two(std::int64_t exponent) const {
  const std::uint64_t base = exponent >= 0 ? element(2) : inverse(element(2));
  return power(base, static_cast<std::uint64_t>(exponent >= 0 ? exponent : -exponent));
}

namespace {

/// Miller-Rabin with the first twelve primes as bases: exact for all 64-bit integers
/// (Sorenson, Webster, "Strong pseudoprimes to twelve prime bases", 2015).
bool is_prime(std::uint64_t n) {
  const PrimeField field(n);  // multiplication needs only an odd modulus
  std::uint64_t odd = n - 1;
  int twos = 0;
  for (; odd % 2 == 0; odd /= 2) ++twos;
  const std::uint64_t minus_one = field.subtract(0, field.one());
  for (std::uint64_t base : {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37}) {
    std::uint64_t x = field.power(field.element(base), odd);
    if (x == field.one() || x == minus_one) continue;
    bool composite = true;
    for (int i = 1; i < twos && composite; ++i) {
      x = field.multiply(x, x);
      composite = x != minus_one;
    }
    if (composite) return false;
  }
  return true;
}

}  // namespace

std::uint64_t prime_at_or_above(std::uint64_t start) {
  for (start |= 1; !is_prime(start); start += 2) {
  }
  return start;
}

std::uint64_t prime_below_2_62(std::size_t i) {
  static std::mutex mutex;
  static std::vector<std::uint64_t> primes;
  const std::lock_guard lock(mutex);
  std::uint64_t next = primes.empty() ? (std::uint64_t{1} << 62) - 1 : primes.back() - 2;
  while (primes.size() <= i) {
    while (!is_prime(next)) next -= 2;
    primes.push_back(next);
    next -= 2;
  }
  return primes[i];
}

}  // namespace heavykeys::detail
