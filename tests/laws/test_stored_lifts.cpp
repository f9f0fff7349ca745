// Lifted rows whose leverage is closer to the threshold than float64 can tell: storing a sketch on the way
// changes nothing.
#include <catch2/catch.hpp>
#include <limits>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/streaming.hpp"
#include "support/sketches.hpp"

TEST_CASE("a lifted sketch that is stored and read again goes on to the same bytes and universal set") {
  // Found by fuzzing. Keys so far apart in size that many a lifted leverage is 1 less 2^-100 or so.
  constexpr float most = std::numeric_limits<float>::max();
  std::vector<float> keys;
  for (int i = 0; i < 14; ++i) keys.insert(keys.end(), {-3.0f, -3.0f});
  for (const float k :
       {0x1p-7f,  -3.0f,     6.0f,   0.0f,     -28.0f,    -9.0f,  most,   -2.5f,  16.0f,  -32.0f,   -19.0f,
        -32.0f,   -32.0f,    -32.0f, -0.0625f, -0.03125f, -32.0f, -32.0f, 29.0f,  -32.0f, -0x1p-9f, 22.0f,
        3.0f,     -0.125f,   27.0f,  -3.0f,    -3.0f,     most,   0.0f,   22.0f,  3.0f,   -0.125f,  27.0f,
        0x1p120f, -0.03125f, -4.0f,  -most,    26.0f,     most,   30.0f,  -21.0f, 1.0f}) {
    keys.push_back(k);
  }
  const std::size_t n = keys.size() / 2;
  REQUIRE(n == 35);
  const heavykeys::Rows rows = heavykeys::rows(keys.data(), n, 2);
  for (const double epsilon : {1.0, 0.5}) {
    const heavykeys::Spec spec{.dim = 2,
                               .epsilon = epsilon,
                               .score = heavykeys::Score::polynomial({0.5, 1.0, 0.25}),
                               .grid_bits = 23,
                               .block_rows = 16};
    const heavykeys::Sketch whole = support::absorbed(spec, rows);
    const heavykeys::UniversalSet want = finalize(whole);
    REQUIRE(want.size() > 0);
    for (const std::size_t cut : {16, 20, 32, 33}) {
      CAPTURE(epsilon, cut);
      heavykeys::Sketch sketch = heavykeys::from_bytes(to_bytes(support::absorbed(spec, rows.slice(0, cut))));
      heavykeys::streaming::absorb(sketch, rows.slice(cut, n - cut));
      const heavykeys::UniversalSet set = finalize(sketch);
      CHECK(std::ranges::equal(set.ids(), want.ids()));
      CHECK(support::difference(sketch, whole) == "");
    }
  }
}
