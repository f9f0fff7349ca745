// The sums of a scan against exact arithmetic: nothing lost in the two greatest bins, nothing seen of order.
#include <catch2/catch.hpp>
#include <cmath>

#include "lib/dyadic.hpp"
#include "lib/scan_sum.hpp"
#include "support/random.hpp"

using namespace heavykeys::detail;

namespace {

struct Number {
  double value;
  std::int64_t unit;
};

ScanSum sum_of(const std::vector<Number>& numbers) {
  ScanSum sum;
  for (const Number& x : numbers) sum.add(x.value, x.unit);
  return sum;
}

Dyadic shifted(double value, std::int64_t unit) {
  Dyadic x(value);
  const Limb one = 1;
  return x * Dyadic(&one, 1, static_cast<int>(unit));
}

}  // namespace

TEST_CASE("a scan's sum: bounds 2^-52 apart around the exact one, whatever the magnitudes") {
  support::Random random(1);
  for (int round = 0; round < 2000; ++round) {
    const int range = random.integer(0, 1200);
    const std::int64_t base = random.integer(-3000, 3000);
    std::vector<Number> numbers(1 + random.below(60));
    Dyadic exact;
    for (Number& x : numbers) {
      x = {std::ldexp(random.uniform() + 0x1p-60, random.integer(-500, 500)),
           base + random.integer(0, range)};
      if (random.below(10) == 0) x.value = 0.0;
      exact = exact + shifted(x.value, x.unit);
    }
    const ScanSum sum = sum_of(numbers);
    if (exact.sign() == 0) {
      CHECK(sum.empty());
      CHECK(sum.at_most(0) == 0.0);
      continue;
    }
    const std::int64_t unit = exact.binary_exponent();
    const double least = sum.at_least(unit), most = sum.at_most(unit);
    const DoubleDouble truth = exact.rounded(static_cast<int>(-unit));
    CHECK_FALSE(DoubleDouble(most * (1 + 0x1p-52)) < truth);
    CHECK_FALSE(truth < DoubleDouble(least));
    CHECK(most - least <= 0x1p-52);
    CHECK(least >= truth.hi - 0x1p-52);
  }
}

TEST_CASE("a scan's sum is the same in every order and grouping") {
  support::Random random(2);
  for (int round = 0; round < 1000; ++round) {
    std::vector<Number> numbers(1 + random.below(40));
    const int range = random.pick(std::vector<int>{0, 100, 300, 2000});
    for (Number& x : numbers) x = {random.uniform(), random.integer(0, range) + (std::int64_t{1} << 60)};
    const ScanSum want = sum_of(numbers);
    random.shuffle(numbers);
    ScanSum parts[3], raised[3];
    for (const Number& x : numbers) parts[random.below(3)].add(x.value, x.unit);
    for (int i = 0; i < 3; ++i) raised[i] = parts[i];
    parts[0].add(parts[1]);
    parts[2].add(parts[0]);
    CHECK(parts[2] == want);
    for (ScanSum& sum : raised) sum.raise(want.top());
    for (int i = 1; i < 3; ++i) raised[0].add(raised[i]);
    CHECK(raised[0] == want);
  }
}

TEST_CASE("a scan's sum has room for 2^55 of the greatest numbers of a bin") {
  ScanSum sum;
  const double greatest = std::ldexp(1.0 - 0x1p-53, 127);
  sum.add(greatest, 0);
  for (int i = 0; i < 55; ++i) sum.add(ScanSum(sum));
  CHECK(sum.top() == 0);
  CHECK(sum.at_least(55) == greatest);
  sum.raise(1);
  CHECK(sum.at_least(55) == greatest);
  sum.raise(2);
  CHECK(sum.at_least(55) == 0.0);
}
