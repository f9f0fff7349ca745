// The wide Gram matrix: a commutative monoid, whatever the exponents.
#include <catch2/catch.hpp>
#include <cmath>

#include "lib/block_gram.hpp"
#include "lib/exact_gram.hpp"
#include "lib/scaled_gram.hpp"
#include "support/random.hpp"

using namespace heavykeys::detail;

namespace {

ExactGram of_block(const std::vector<double>& k, std::size_t n, std::size_t d) {
  heavykeys::Spec spec;
  spec.dim = d;
  spec.epsilon = 1.0;
  BlockGram block(spec);
  block.compute(heavykeys::rows(k.data(), n, d));
  ExactGram gram(d, 24);
  gram.add_block(block.exponents(), block.sums(), block.width(), n);
  return gram;
}

}  // namespace

TEST_CASE("a 2 x 2 Gram matrix by hand") {
  const ExactGram gram = of_block({1, 2, 3, -4}, 2, 2);
  REQUIRE(static_cast<double>(gram.entry(0, 0).rounded()) == 10);
  REQUIRE(static_cast<double>(gram.entry(0, 1).rounded()) == -10);
  REQUIRE(static_cast<double>(gram.entry(1, 0).rounded()) == -10);
  REQUIRE(static_cast<double>(gram.entry(1, 1).rounded()) == 20);
  REQUIRE(gram.rows() == 2);
}

TEST_CASE("sums do not depend on order or grouping, and one limb becomes many") {
  support::Random random(1);
  const std::size_t d = 3, blocks = 12;
  int most_limbs = 0;
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<ExactGram> parts;
    for (std::size_t b = 0; b < blocks; ++b) {
      std::vector<double> k(5 * d);
      const int spread = trial % 5 == 0 ? 2000 : trial % 5 == 1 ? 0 : 80;
      for (double& v : k)
        v = random.below(6) == 0 ? 0.0
                                 : std::ldexp(random.gaussian(), random.integer(-spread / 2, spread / 2));
      parts.push_back(of_block(k, 5, d));
    }
    ExactGram forward(d, 24), left(d, 24), right(d, 24);
    for (const ExactGram& p : parts) forward.add(p);
    const auto order = random.permutation(blocks);
    for (std::size_t i = 0; i < blocks; ++i) (i % 2 == 0 ? left : right).add(parts[order[i]]);
    right.add(left);
    REQUIRE(right == forward);
    most_limbs = std::max(most_limbs, forward.limbs());
  }
  REQUIRE(most_limbs > 50);
}

TEST_CASE("restoring what was taken apart gives the same value, and refuses what does not fit") {
  const ExactGram gram = of_block({1, 0, 3, 0, 5, 0}, 3, 2);
  const auto vec = [](auto span) { return std::vector(span.begin(), span.end()); };
  ExactGram copy(2, 24);
  REQUIRE(ExactGram::restore(copy, gram.rows(), vec(gram.low()), vec(gram.high()), vec(gram.words())));
  REQUIRE(copy == gram);
  auto short_words = vec(gram.words());
  short_words.pop_back();
  REQUIRE_FALSE(ExactGram::restore(copy, gram.rows(), vec(gram.low()), vec(gram.high()), short_words));
  REQUIRE_FALSE(ExactGram::restore(copy, 0, vec(gram.low()), vec(gram.high()), vec(gram.words())));
  auto crossed = vec(gram.high());
  crossed[0] = gram.low()[0] - 1;
  REQUIRE_FALSE(ExactGram::restore(copy, gram.rows(), vec(gram.low()), crossed, vec(gram.words())));
}

TEST_CASE("scaled_entry rounds as the exact number does, for integers of one limb and of many") {
  support::Random random(2);
  const auto limb = [&] {
    const Limb bits = random.bits() >> random.below(64);
    return random.below(4) == 0 ? ~bits : random.below(8) == 0 ? Limb{1} << random.below(64) : bits;
  };
  int of_limbs[5] = {};
  for (int trial = 0; trial < 20000; ++trial) {
    // 48 bits of squares, those of the rows, twice the spread of the exponents, and a sign.
    const std::uint64_t rows = std::uint64_t{1} << random.below(62);
    const int low = random.integer(-300, 300), high = low + random.integer(0, 70);
    const int limbs = ExactGram::limbs_for(24, rows, std::vector<int>{low}, std::vector<int>{high});
    std::vector<Limb> words(limbs);
    for (Limb& word : words) word = limb();
    if (random.coin()) words.back() = random.coin() ? ~Limb{0} : 0;
    if (random.below(5) == 0) words.back() = (random.coin() ? 3 : 5) * (Limb{1} << 61);  // about 2^126
    ExactGram gram(1, 24);
    REQUIRE(ExactGram::restore(gram, rows, {low}, {high}, words));
    of_limbs[std::min(limbs, 4)] += 1;
    const std::vector<int> scale = {random.integer(-100, 100)};
    const DoubleDouble got = scaled_entry(gram, scale, 0, 0), want = gram.entry(0, 0).rounded(-2 * scale[0]);
    REQUIRE(nearest_entry(gram, scale, 0, 0) == want.hi);
    if (got.hi != want.hi || got.lo != want.lo) FAIL("limbs " << limbs << ": " << got.hi << " " << want.hi);
  }
  for (const int limbs : {2, 3, 4}) CHECK(of_limbs[limbs] > 1000);
  CHECK(scaled_entry(ExactGram(2, 24), {0, 0}, 0, 1).hi == 0.0);
}
