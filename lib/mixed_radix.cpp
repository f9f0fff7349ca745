#include "lib/mixed_radix.hpp"

#include <algorithm>
#include <cmath>

namespace heavykeys::detail {

namespace {

void normalise(ScaledDouble& x) {
  if (x.mantissa.hi == 0.0) return;
  int e = 0;
  std::frexp(x.mantissa.hi, &e);
  x.mantissa = {std::ldexp(x.mantissa.hi, -e), std::ldexp(x.mantissa.lo, -e)};
  x.exponent += e;
}

DoubleDouble exactly(std::uint64_t v) {
  return two_sum(static_cast<double>(v >> 32) * 0x1p32, static_cast<double>(v & 0xffffffffu));
}

}  // namespace

double ratio(const ScaledDouble& a, const ScaledDouble& b) {
  const std::int64_t shift = std::clamp<std::int64_t>(a.exponent - b.exponent, -4000, 4000);
  return std::ldexp(static_cast<double>(a.mantissa / b.mantissa), static_cast<int>(shift));
}

void MixedRadix::add_prime(std::uint64_t prime) {
  const PrimeField field(prime);
  std::uint64_t product = field.one();
  for (const PrimeField& f : fields_) product = field.multiply(product, field.element(f.prime()));
  fields_.push_back(field);
  inverses_.push_back(field.inverse(product));
}

std::vector<std::uint64_t> MixedRadix::digits(const std::vector<std::uint64_t>& residues) const {
  // x = v_0 + v_1 p_0 + v_2 p_0 p_1 + ...: each digit follows from the ones before it, modulo p_i.
  std::vector<std::uint64_t> v(fields_.size());
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const PrimeField& f = fields_[i];
    std::uint64_t known = 0;
    for (std::size_t j = i; j-- > 0;)
      known = f.add(f.multiply(known, f.element(fields_[j].prime())), f.element(v[j]));
    v[i] = f.value(f.multiply(f.subtract(f.element(residues[i]), known), inverses_[i]));
  }
  return v;
}

int MixedRadix::sign(const std::vector<std::uint64_t>& residues) const {
  if (std::all_of(residues.begin(), residues.end(), [](std::uint64_t r) { return r == 0; })) return 0;
  // (M - 1) / 2 has the digits (p_i - 1) / 2; greater integers stand for negative ones.
  const std::vector<std::uint64_t> v = digits(residues);
  for (std::size_t i = v.size(); i-- > 0;) {
    const std::uint64_t half = (fields_[i].prime() - 1) / 2;
    if (v[i] != half) return v[i] > half ? -1 : 1;
  }
  return 1;
}

ScaledDouble MixedRadix::magnitude(const std::vector<std::uint64_t>& residues) const {
  const std::vector<std::uint64_t> v = digits(residues);
  ScaledDouble x;
  for (std::size_t i = v.size(); i-- > 0;) {
    DoubleDouble digit = exactly(v[i]);
    const int down = static_cast<int>(std::clamp<std::int64_t>(-x.exponent, -2000, 2000));
    digit = {std::ldexp(digit.hi, down), std::ldexp(digit.lo, down)};
    x.mantissa = x.mantissa * exactly(fields_[i].prime()) + digit;
    if (x.mantissa.hi == 0.0) x.exponent = 0;
    normalise(x);
  }
  return x;
}

}  // namespace heavykeys::detail
