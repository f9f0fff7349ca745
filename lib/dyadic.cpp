#include "lib/dyadic.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace heavykeys::detail {

namespace {

/// The `count` <= 64 bits of a magnitude that start at bit `low` (bits past the end are zero).
Limb bits_at(const std::vector<Limb>& a, int low) {
  const int limb = low / 64;
  const int bit = low % 64;
  const auto get = [&](int i) { return i < static_cast<int>(a.size()) ? a[i] : Limb{0}; };
  return bit == 0 ? get(limb) : (get(limb) >> bit) | (get(limb + 1) << (64 - bit));
}

bool any_below(const std::vector<Limb>& a, int bit) {
  for (int i = 0; i < bit / 64; ++i) {
    if (a[i] != 0) return true;
  }
  const int rest = bit % 64;
  return rest != 0 && (a[bit / 64] & ((Limb{1} << rest) - 1)) != 0;
}

/// Magnitude rounded to 53 bits, half to even: mantissa * 2^exponent.
double round_magnitude(const std::vector<Limb>& a, int& exponent) {
  const int length = bit_length(a.data(), static_cast<int>(a.size()));
  if (length <= 53) {
    exponent = 0;
    return length == 0 ? 0.0 : static_cast<double>(a[0]);
  }
  const int low = length - 53;
  Limb mantissa = bits_at(a, low) & ((Limb{1} << 53) - 1);
  const bool half = (a[(low - 1) / 64] >> ((low - 1) % 64)) & 1;
  if (half && (any_below(a, low - 1) || (mantissa & 1))) ++mantissa;
  exponent = low;
  return static_cast<double>(mantissa);
}

/// a - b for magnitudes a >= b.
void subtract(std::vector<Limb>& a, const std::vector<Limb>& b) {
  Limb borrow = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Limb y = i < b.size() ? b[i] : 0;
    const Limb t = a[i] - y;
    const Limb r = t - borrow;
    borrow = static_cast<Limb>((a[i] < y) | (t < borrow));
    a[i] = r;
  }
}

bool less(const std::vector<Limb>& a, const std::vector<Limb>& b) {
  if (a.size() != b.size()) return a.size() < b.size();
  return std::lexicographical_compare(a.rbegin(), a.rend(), b.rbegin(), b.rend());
}

std::vector<Limb> shifted_left(const std::vector<Limb>& a, int shift) {
  std::vector<Limb> out(a.size() + shift / 64 + 1, 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    out[i + shift / 64] |= a[i] << (shift % 64);
    if (shift % 64 != 0) out[i + shift / 64 + 1] |= a[i] >> (64 - shift % 64);
  }
  while (!out.empty() && out.back() == 0) out.pop_back();
  return out;
}

}  // namespace

Dyadic::Dyadic(double value) {
  if (value == 0.0) return;
  int e = 0;
  const double m = std::frexp(std::fabs(value), &e);
  magnitude_ = {static_cast<Limb>(std::ldexp(m, 53))};
  negative_ = value < 0.0;
  exponent_ = e - 53;
}

Dyadic::Dyadic(const Limb* words, int limbs, int exponent)
    : magnitude_(words, words + limbs), exponent_(exponent) {
  negative_ = take_magnitude(magnitude_.data(), limbs);
  trim();
}

void Dyadic::trim() {
  while (!magnitude_.empty() && magnitude_.back() == 0) magnitude_.pop_back();
  if (magnitude_.empty()) negative_ = false;
}

int Dyadic::sign() const { return magnitude_.empty() ? 0 : (negative_ ? -1 : 1); }

Dyadic Dyadic::negated() const {
  Dyadic out = *this;
  out.negative_ = !negative_ && !magnitude_.empty();
  return out;
}

Dyadic operator+(const Dyadic& a, const Dyadic& b) {
  if (a.magnitude_.empty()) return b;
  if (b.magnitude_.empty()) return a;
  const Dyadic& low = a.exponent_ <= b.exponent_ ? a : b;
  const Dyadic& high = a.exponent_ <= b.exponent_ ? b : a;
  std::vector<Limb> x = shifted_left(high.magnitude_, high.exponent_ - low.exponent_);
  Dyadic out;
  out.exponent_ = low.exponent_;
  if (a.negative_ == b.negative_) {
    out.negative_ = a.negative_;
    out.magnitude_.assign(std::max(x.size(), low.magnitude_.size()) + 1, 0);
    std::copy(x.begin(), x.end(), out.magnitude_.begin());
    Limb carry = 0;
    for (std::size_t i = 0; i < out.magnitude_.size(); ++i) {
      const Limb y = i < low.magnitude_.size() ? low.magnitude_[i] : 0;
      const Limb t = out.magnitude_[i] + y;
      const Limb r = t + carry;
      carry = static_cast<Limb>((t < y) | (r < t));
      out.magnitude_[i] = r;
    }
  } else if (less(x, low.magnitude_)) {
    out.negative_ = low.negative_;
    out.magnitude_ = low.magnitude_;
    subtract(out.magnitude_, x);
  } else {
    out.negative_ = high.negative_;
    out.magnitude_ = std::move(x);
    subtract(out.magnitude_, low.magnitude_);
  }
  out.trim();
  return out;
}

Dyadic operator*(const Dyadic& a, const Dyadic& b) {
  Dyadic out;
  if (a.magnitude_.empty() || b.magnitude_.empty()) return out;
  out.magnitude_.assign(a.magnitude_.size() + b.magnitude_.size(), 0);
  for (std::size_t i = 0; i < a.magnitude_.size(); ++i) {
    Limb carry = 0;
    for (std::size_t j = 0; j < b.magnitude_.size(); ++j) {
      const unsigned __int128 t =
          static_cast<unsigned __int128>(a.magnitude_[i]) * b.magnitude_[j] + out.magnitude_[i + j] + carry;
      out.magnitude_[i + j] = static_cast<Limb>(t);
      carry = static_cast<Limb>(t >> 64);
    }
    out.magnitude_[i + b.magnitude_.size()] = carry;
  }
  out.negative_ = a.negative_ != b.negative_;
  out.exponent_ = a.exponent_ + b.exponent_;
  out.trim();
  return out;
}

DoubleDouble Dyadic::rounded(int scale) const {
  if (magnitude_.empty()) return {};
  int e = 0;
  const double m = round_magnitude(magnitude_, e);
  const double hi = std::ldexp(m, e + exponent_ + scale);
  Dyadic top(m);
  top.exponent_ += e + exponent_;
  Dyadic magnitude = *this;
  magnitude.negative_ = false;
  const Dyadic rest = magnitude + top.negated();
  int f = 0;
  const double r = round_magnitude(rest.magnitude_, f);
  const double lo = std::ldexp(rest.negative_ ? -r : r, f + rest.exponent_ + scale);
  return negative_ ? DoubleDouble(-hi, -lo) : DoubleDouble(hi, lo);
}

int Dyadic::binary_exponent() const {
  if (magnitude_.empty()) return std::numeric_limits<int>::min() / 2;
  return exponent_ + bit_length(magnitude_.data(), static_cast<int>(magnitude_.size()));
}

}  // namespace heavykeys::detail
