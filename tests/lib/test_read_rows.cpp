// What reading rows says of their values.
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "lib/read_rows.hpp"
#include "support/random.hpp"

using heavykeys::detail::fits_float;

namespace {

bool fits(double v) { return fits_float(heavykeys::rows(&v, 1, 1)); }

}  // namespace

TEST_CASE("fits_float: just the doubles that a float holds, subnormal ones and zeros too") {
  constexpr float kMost = std::numeric_limits<float>::max(),
                  kLeast = std::numeric_limits<float>::denorm_min();
  for (const float v : {0.0f, 1.0f, kMost, kLeast, 0x1p-126f, 0x1.fffffep-127f, 0x1.8p-140f}) {
    CHECK(fits(v));
    CHECK(fits(-static_cast<double>(v)));
    if (v == 0.0f) continue;
    CHECK_FALSE(fits(std::nextafter(static_cast<double>(v), 0.0)));
    CHECK_FALSE(fits(std::nextafter(static_cast<double>(v), 1e300)));
  }
  constexpr double kInf = std::numeric_limits<double>::infinity();
  for (const double v : {0x1p128, 0x1p-150, 1e300, kInf, std::nan("")}) CHECK_FALSE(fits(v));

  support::Random random(1);
  std::size_t few = 0;
  for (int round = 0; round < 200000; ++round) {
    // Few bits, exponents on both sides of a float's.
    const double v =
        std::ldexp(static_cast<double>(random.integer(-(1 << 25), 1 << 25)), random.integer(-180, 110));
    const bool want =
        std::fabs(v) <= static_cast<double>(kMost) && static_cast<double>(static_cast<float>(v)) == v;
    if (fits(v) != want) FAIL(v << " fits: " << !want);
    few += want ? 1 : 0;
  }
  CHECK(few > 20000);
  CHECK(few < 180000);
}

TEST_CASE("fits_float: one element of many decides") {
  std::vector<double> values(5 * 37, 0.5);
  CHECK(fits_float(heavykeys::rows(values.data(), 5, 37)));
  values[100] = 0x1p-149;
  CHECK(fits_float(heavykeys::rows(values.data(), 5, 37)));
  values[184] = 0.1;
  CHECK_FALSE(fits_float(heavykeys::rows(values.data(), 5, 37)));
  CHECK(fits_float(heavykeys::rows(values.data(), 4, 37)));
}
