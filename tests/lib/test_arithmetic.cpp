// The number types under the sketch, against 128-bit integers and Boost's exact numbers.
#include <bit>
#include <boost/multiprecision/cpp_int.hpp>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "lib/double_double.hpp"
#include "lib/dyadic.hpp"
#include "lib/mixed_radix.hpp"
#include "lib/modular.hpp"
#include "lib/powers_of_two.hpp"
#include "support/random.hpp"

using heavykeys::detail::DoubleDouble;
using heavykeys::detail::Dyadic;
using heavykeys::detail::Limb;
using heavykeys::detail::MixedRadix;
using heavykeys::detail::PrimeField;
using Integer = boost::multiprecision::cpp_int;
using Rational = boost::multiprecision::cpp_rational;

namespace {

Rational exactly(double v) {
  int e = 0;
  const double m = std::frexp(v, &e);
  const Integer mantissa(static_cast<long long>(std::ldexp(m, 53)));
  e -= 53;
  return e >= 0 ? Rational(mantissa << e) : Rational(mantissa, Integer(1) << -e);
}

Rational exactly(DoubleDouble v) { return exactly(v.hi) + exactly(v.lo); }

Rational relative_error(DoubleDouble got, const Rational& want) {
  if (want == 0) return got.hi == 0 && got.lo == 0 ? 0 : 1;
  return abs(Rational((exactly(got) - want) / want));
}

DoubleDouble random_double_double(support::Random& random) {
  const double hi = random.sign() * std::ldexp(1.0 + random.uniform(), random.integer(-30, 30));
  return heavykeys::detail::fast_two_sum(hi, hi * random.uniform() * 0x1p-54);
}

const Rational kTwoToMinus100 = Rational(1, Integer(1) << 100);

}  // namespace

TEST_CASE("shifted addition equals 128-bit addition, carries and signs included") {
  support::Random random(1);
  for (int trial = 0; trial < 20000; ++trial) {
    const auto a = static_cast<__int128>(static_cast<std::int64_t>(random.bits())) << random.integer(0, 40);
    const auto b = static_cast<std::int64_t>(random.bits()) >> random.integer(0, 63);
    const int shift = random.integer(0, 60);
    Limb words[3] = {static_cast<Limb>(a), static_cast<Limb>(a >> 64), static_cast<Limb>(a >> 127)};
    const auto addend = static_cast<Limb>(b);
    heavykeys::detail::add_shifted(words, 3, &addend, 1, shift);
    const __int128 sum = a + (static_cast<__int128>(b) << shift);
    REQUIRE(words[0] == static_cast<Limb>(sum));
    REQUIRE(words[1] == static_cast<Limb>(sum >> 64));
    REQUIRE(words[2] == static_cast<Limb>(sum >> 127));
  }
}

TEST_CASE("dyadic sums and products are exact, and round to nearest twice") {
  support::Random random(2);
  for (int trial = 0; trial < 2000; ++trial) {
    Dyadic total;
    Rational want = 0;
    for (int i = random.integer(1, 6); i > 0; --i) {
      const double a = random.gaussian() * std::ldexp(1.0, random.integer(-200, 200));
      const double b = random.coin() ? random.gaussian() : -a;
      total = total + Dyadic(a) * Dyadic(b);
      want += exactly(a) * exactly(b);
    }
    REQUIRE(total.sign() == want.sign());
    if (want == 0) continue;
    REQUIRE(relative_error(total.rounded(), want) <= Rational(1, Integer(1) << 105));
    const int x = total.binary_exponent();
    const Rational magnitude = abs(want);
    REQUIRE(magnitude < (x >= 0 ? Rational(Integer(1) << x) : Rational(1, Integer(1) << -x)));
    REQUIRE(2 * magnitude >= (x >= 0 ? Rational(Integer(1) << x) : Rational(1, Integer(1) << -x)));
  }
}

TEST_CASE("rounding to one double is to nearest, ties to even") {
  REQUIRE(static_cast<double>((Dyadic(0x1p53) + Dyadic(1.0)).rounded().hi) == 0x1p53);
  REQUIRE(static_cast<double>((Dyadic(0x1p53) + Dyadic(3.0)).rounded().hi) == 0x1p53 + 4);
  const DoubleDouble just_above = (Dyadic(0x1p53) + Dyadic(1.0) + Dyadic(0x1p-40)).rounded();
  REQUIRE(just_above.hi == 0x1p53 + 2);
  REQUIRE(just_above.lo == -1.0 + 0x1p-40);
}

TEST_CASE("every double-double operation has relative error below 2^-100") {
  support::Random random(3);
  for (int trial = 0; trial < 3000; ++trial) {
    const DoubleDouble a = random_double_double(random), b = random_double_double(random);
    const Rational x = exactly(a), y = exactly(b);
    REQUIRE(relative_error(a + b, x + y) < kTwoToMinus100);
    REQUIRE(relative_error(a - b, x - y) < kTwoToMinus100);
    REQUIRE(relative_error(a * b, x * y) < kTwoToMinus100);
    REQUIRE(relative_error(a / b, x / y) < kTwoToMinus100);
    const DoubleDouble root = sqrt(x < 0 ? -a : a);
    // root = true (1 + e)  <=>  root^2 = x (1 + e)^2.
    REQUIRE(relative_error({root.hi, root.lo}, exactly(root)) == 0);
    const Rational square = exactly(root) * exactly(root), magnitude = abs(x);
    REQUIRE(abs(Rational(square - magnitude)) < 2 * kTwoToMinus100 * magnitude);
  }
}

TEST_CASE("the primes are prime by trial division's cousin and descend from 2^62") {
  std::uint64_t previous = std::uint64_t{1} << 62;
  for (std::size_t i = 0; i < 20; ++i) {
    const std::uint64_t p = heavykeys::detail::prime_below_2_62(i);
    REQUIRE(p < previous);
    REQUIRE(p > std::uint64_t{1} << 61);
    previous = p;
    // Fermat in Boost's arithmetic, bases the library does not use.
    for (int base : {41, 43, 47}) REQUIRE(powm(Integer(base), Integer(p - 1), Integer(p)) == 1);
  }
  REQUIRE(heavykeys::detail::prime_below_2_62(0) == (std::uint64_t{1} << 62) - 57);
}

TEST_CASE("field operations agree with integers modulo p") {
  support::Random random(4);
  const std::uint64_t p = heavykeys::detail::prime_below_2_62(3);
  const PrimeField field(p);
  for (int trial = 0; trial < 2000; ++trial) {
    const std::uint64_t a = random.bits() % p, b = random.bits() % p;
    const std::uint64_t x = field.element(a), y = field.element(b);
    REQUIRE(field.value(x) == a);
    REQUIRE(Integer(field.value(field.multiply(x, y))) == Integer(a) * b % p);
    REQUIRE(Integer(field.value(field.add(x, y))) == (Integer(a) + b) % p);
    REQUIRE(Integer(field.value(field.subtract(x, y))) == (Integer(a) + p - b) % p);
    if (a != 0) REQUIRE(field.value(field.multiply(x, field.inverse(x))) == 1);
  }
  REQUIRE(field.value(field.multiply(field.power_of_two(-77), field.power_of_two(80))) == 8);
}

TEST_CASE("mixed radix recovers sign and size from residues") {
  support::Random random(5);
  MixedRadix radix;
  std::vector<std::uint64_t> primes;
  for (std::size_t i = 0; i < 6; ++i) {
    primes.push_back(heavykeys::detail::prime_below_2_62(i));
    radix.add_prime(primes.back());
  }
  for (int trial = 0; trial < 2000; ++trial) {
    Integer v = 0;
    for (int i = random.integer(0, 4); i > 0; --i) v = (v << 62) + random.bits() % (std::uint64_t{1} << 62);
    if (random.coin()) v = -v;
    std::vector<std::uint64_t> residues;
    for (std::uint64_t p : primes) residues.push_back(static_cast<std::uint64_t>(((v % p) + p) % p));
    REQUIRE(radix.sign(residues) == v.sign());
    if (v <= 0) continue;
    const auto size = radix.magnitude(residues);
    const Rational got = exactly(size.mantissa) *
                         Rational(Integer(1) << static_cast<unsigned>(size.exponent + 2000)) /
                         Rational(Integer(1) << 2000u);
    REQUIRE(abs(Rational(got / v - 1)) < Rational(1, Integer(1) << 66));
  }
}

TEST_CASE("scale_far and binary_exponent are ldexp and ilogb, to the ends of the range") {
  support::Random random(21);
  const auto any = [&] {  // any finite double but 0, subnormal ones too
    double x = 0;
    while (x == 0 || !std::isfinite(x)) x = std::bit_cast<double>(random.bits() >> (random.coin() ? 0 : 12));
    return random.coin() ? -x : x;
  };
  for (int round = 0; round < 200000; ++round) {
    const double x = any();
    const int e = random.integer(-2200, 2200);
    CHECK(heavykeys::detail::scale_far(x, e) == std::ldexp(x, e));
    CHECK(heavykeys::detail::binary_exponent(x) == std::ilogb(x));
  }
  for (const std::int64_t far : {std::int64_t{-1} << 40, std::int64_t{1} << 40}) {
    CHECK(heavykeys::detail::scale_far(1.5, far) ==
          (far < 0 ? 0.0 : std::numeric_limits<double>::infinity()));
  }
  for (const int e : {-1075, -1074, -1023, -1022, -1021, 0, 1022, 1023, 1024}) {
    CHECK(heavykeys::detail::scale_far(1.25, e) == std::ldexp(1.25, e));
    CHECK(heavykeys::detail::scale_far(0.0, e) == 0.0);
  }
}
