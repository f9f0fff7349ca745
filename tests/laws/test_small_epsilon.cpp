// Thresholds near the end of float64's range.
#include <catch2/catch.hpp>
#include <cmath>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/streaming.hpp"
#include "support/random.hpp"
#include "support/sketches.hpp"

TEST_CASE("where epsilon is so small that the threshold of a power underflows, layers are peeled") {
  // The threshold was 0, and exact arithmetic looked for its lowest bit for ever.
  for (const double p : {3.0, 5.0, 7.0}) {
    const heavykeys::Spec spec{
        .dim = 2, .epsilon = 1e-310, .score = heavykeys::Score::power(p), .block_rows = 16};
    support::Random random(3);
    std::vector<double> keys(40);
    for (double& k : keys) k = std::ldexp(random.integer(1, 1000), random.integer(-3, 3));
    const heavykeys::Sketch sketch = support::absorbed(spec, heavykeys::rows(keys.data(), 20, 2));
    CHECK(finalize(sketch).size() == 20);
    const std::vector<std::byte> bytes = to_bytes(sketch);
    CHECK(to_bytes(heavykeys::from_bytes(bytes)) == bytes);
  }
}
