// Every finite float16 and bfloat16 is read as the number it is, and float32 and float64 to their ends.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>

#include "heavykeys/heavykeys.hpp"
#include "support/sketches.hpp"

namespace {

// The value of a 16-bit pattern, by the definition of the format; NaN for what is not finite.
double value_of(unsigned bits, int exponent_bits, int mantissa_bits) {
  const int all = (1 << exponent_bits) - 1, bias = all / 2;
  const int field = static_cast<int>(bits >> mantissa_bits) & all;
  const int fraction = static_cast<int>(bits) & ((1 << mantissa_bits) - 1);
  if (field == all) return std::numeric_limits<double>::quiet_NaN();
  const double size = field == 0 ? std::ldexp(fraction, 1 - bias - mantissa_bits)
                                 : std::ldexp((1 << mantissa_bits) + fraction, field - bias - mantissa_bits);
  return bits >> 15 ? -size : size;
}

// One row alone has leverage 1, and a grid of its own in every column: U holds it as it was read.
std::vector<double> as_read(const void* data, heavykeys::Dtype dtype, std::size_t d) {
  const auto set =
      finalize(support::absorbed(support::make_spec(d, 1.0), heavykeys::rows(data, dtype, 1, d)));
  return {set.keys().begin(), set.keys().end()};
}

void check_all(heavykeys::Dtype dtype, int exponent_bits, int mantissa_bits) {
  constexpr std::size_t d = 32;
  std::vector<std::uint16_t> patterns;
  std::vector<double> values;
  std::size_t seen = 0, wrong = 0;
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const double value = value_of(bits, exponent_bits, mantissa_bits);
    if (value != 0 && !std::isnan(value)) {
      patterns.push_back(static_cast<std::uint16_t>(bits));
      values.push_back(value);
      ++seen;
    }
    if (values.size() == d || (bits == 0xffff && !values.empty())) {
      wrong += as_read(patterns.data(), dtype, values.size()) != values;
      patterns.clear();
      values.clear();
    }
  }
  CHECK(wrong == 0);
  CHECK(seen == 2u * ((1u << 15) - (1u << mantissa_bits) - 1));
}

}  // namespace

TEST_CASE("every finite float16 is read as its value") { check_all(heavykeys::Dtype::f16, 5, 10); }

TEST_CASE("every finite bfloat16 is read as its value") { check_all(heavykeys::Dtype::bf16, 8, 7); }

TEST_CASE("float32 and float64 are read to the ends of their ranges") {
  const std::vector<float> f = {1.0f, -0x1.fffffep127f, 0x1p-126f, 0x1p-149f, -3 * 0x1p-149f, 0x1.000002p0f};
  CHECK(as_read(f.data(), heavykeys::Dtype::f32, f.size()) == std::vector<double>(f.begin(), f.end()));
  const std::vector<double> g = {1.0, -0x1.fffffep1023, 0x1p-1022, 0x1p-1074, -5 * 0x1p-1074, 0x1.000002p0};
  CHECK(as_read(g.data(), heavykeys::Dtype::f64, g.size()) == g);
}

TEST_CASE("a buffer need not be aligned to its elements") {
  for (std::size_t shift = 0; shift < 8; ++shift) {
    const double k[] = {1, -2, 3, 0.25, 5, -6};
    std::vector<std::byte> bytes(sizeof k + 8);
    std::memcpy(bytes.data() + shift, k, sizeof k);
    const auto spec = support::make_spec(2, 0.1);
    CHECK(support::difference(
              support::absorbed(spec, heavykeys::rows(bytes.data() + shift, heavykeys::Dtype::f64, 3, 2)),
              support::absorbed(spec, heavykeys::rows(k, 3, 2))) == "");
  }
}
