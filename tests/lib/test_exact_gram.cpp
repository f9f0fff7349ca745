// The wide Gram matrix: a commutative monoid, whatever the exponents.
#include <catch2/catch.hpp>
#include <cmath>

#include "lib/block_gram.hpp"
#include "lib/exact_gram.hpp"
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
