// Ten thousand sketches in one process: heads of many layers, fed a token at a time, none knows of the
// others.
#include <catch2/catch.hpp>
#include <memory>

#include "engines/engine.hpp"

using namespace heavykeys;

TEST_CASE("ten thousand sketches live side by side") {
  constexpr std::size_t kSketches = 10'000, kTokens = 40, kDim = 8, kDistinct = 7;
  support::Random random(9);
  const support::Matrix keys = engines::planted(kTokens * kDistinct, kDim, random);
  const Spec spec = support::make_spec(kDim, 0.1);
  std::vector<Sketch> sketches(kSketches, Sketch(spec));
  for (std::size_t t = 0; t < kTokens; ++t) {
    for (std::size_t s = 0; s < kSketches; ++s) {
      streaming::absorb(sketches[s], rows(keys.row(s % kDistinct * kTokens + t), 1, kDim, t));
    }
  }
  std::vector<std::vector<std::byte>> want;
  for (std::size_t s = 0; s < kDistinct; ++s) {
    want.push_back(to_bytes(support::absorbed(spec, rows(keys.row(s * kTokens), kTokens, kDim))));
  }
  std::size_t wrong = 0, greatest = 0;
  for (std::size_t s = 0; s < kSketches; ++s) {
    wrong += to_bytes(sketches[s]) != want[s % kDistinct];
    greatest = std::max(greatest, sketches[s].memory_bytes());
  }
  CHECK(wrong == 0);
  CHECK(greatest < 32 * 1024);  // with 8 rows that wait; 10,000 of them take less than 320 MB
}
