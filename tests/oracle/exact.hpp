// Exact numbers for the oracle: unbounded integers, fractions of them, and comparisons with doubles.
// A double is m * 2^x with whole m and x, so nothing here ever rounds.
#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>
#include <cstdint>

namespace oracle {

// 1024 bits live in the object: most problems never touch the heap.
using Int = boost::multiprecision::number<boost::multiprecision::cpp_int_backend<1024>,
                                          boost::multiprecision::et_off>;

/// x = mantissa * 2^exponent, mantissa odd (or 0 with exponent 0).
struct Dyadic {
  std::int64_t mantissa = 0;
  int exponent = 0;
};

inline Dyadic dyadic(double x) {
  if (x == 0) return {};
  int e = 0;
  std::int64_t m = static_cast<std::int64_t>(std::ldexp(std::frexp(x, &e), 53));
  e -= 53;
  while (m % 2 == 0) m /= 2, ++e;
  return {m, e};
}

/// num / den with den > 0; never reduced.
struct Fraction {
  Int num = 0;
  Int den = 1;
};

inline Fraction exactly(double x) {
  const Dyadic v = dyadic(x);
  if (v.exponent >= 0) return {Int(v.mantissa) << v.exponent, Int(1)};
  return {Int(v.mantissa), Int(1) << -v.exponent};
}

/// a < b: negative; a == b: 0; a > b: positive.
inline int compare(const Fraction& a, const Fraction& b) { return (a.num * b.den).compare(b.num * a.den); }
inline int compare(const Fraction& a, double b) { return compare(a, exactly(b)); }

/// |x - f| <= tolerance * |f|
inline bool close(double x, const Fraction& f, double tolerance) {
  const Fraction v = exactly(x), t = exactly(tolerance);
  const Int difference = abs(Int(v.num * f.den - f.num * v.den));  // over v.den * f.den
  return difference * t.den <= t.num * abs(f.num) * v.den;
}

/// For messages only: about 15 digits.
inline double approximate(const Fraction& f) {
  if (f.num == 0) return 0;
  const int shift = static_cast<int>(msb(f.den)) - static_cast<int>(msb(Int(abs(f.num)))) + 62;
  const Int q = shift >= 0 ? Int((f.num << shift) / f.den) : Int(f.num / (f.den << -shift));
  return std::ldexp(static_cast<double>(static_cast<std::int64_t>(q)), -shift);
}

}  // namespace oracle
