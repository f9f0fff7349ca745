// A sketch does not grow with n: not in rows held, not in memory, not in bytes written.
#include <catch2/catch.hpp>

#include "heavykeys/heavykeys.hpp"
#include "support/problems.hpp"

namespace {

// Blocks of 16 rows whose scale is 2^(block / 16 - 200): every row is heavy when it arrives.
support::Matrix rising(std::size_t begin, std::size_t count, std::size_t d, support::Random& random) {
  support::Matrix m(count, d);
  for (std::size_t r = 0; r < count; ++r) {
    const int scale = static_cast<int>((begin + r) / 256) - 200;
    for (std::size_t c = 0; c < d; ++c) m(r, c) = std::ldexp(random.uniform() - 0.5, scale);
  }
  return m;
}

}  // namespace

TEST_CASE("memory, candidates and bytes are bounded whatever n, even when every row is heavy on arrival") {
  const std::size_t d = 32, chunk = 4096, chunks = 64, early = 28;
  const auto spec = support::make_spec(d, 0.125, 24, 16);
  support::Random random(3);
  heavykeys::Sketch sketch(spec);
  std::size_t memory[2] = {}, candidates[2] = {}, bytes[2] = {};
  for (std::size_t i = 0; i < chunks; ++i) {
    const support::Matrix k = rising(i * chunk, chunk, d, random);
    heavykeys::streaming::absorb(sketch, heavykeys::rows(k.values.data(), chunk, d, i * chunk));
    const std::size_t late = i >= early;
    memory[late] = std::max(memory[late], sketch.memory_bytes());
    candidates[late] = std::max(candidates[late], sketch.candidate_count());
    if (i % 4 != 0) continue;
    bytes[late] = std::max(bytes[late], to_bytes(sketch).size());
    const std::size_t members = finalize(sketch).size();
    REQUIRE(members <= static_cast<std::size_t>(d / spec.epsilon));
    REQUIRE(sketch.candidate_count() >= members);
  }
  CAPTURE(memory[0], memory[1], candidates[0], candidates[1], bytes[0], bytes[1]);
  CHECK(sketch.row_count() == chunks * chunk);
  CHECK(candidates[0] > chunk);                     // the stream is as hard as it claims
  CHECK(candidates[0] < early * chunk);             // and was pruned
  CHECK(10 * candidates[1] <= 11 * candidates[0]);  // and stays so
  // The range of exponents does grow, and with it the exact Gram: 2 * 800 bits for each of d (d + 1) / 2
  // entries.
  const std::size_t growth = d * (d + 1) / 2 * 2 * 800 / 8;
  CHECK(memory[1] <= memory[0] + memory[0] / 4 + growth);
  CHECK(bytes[1] <= bytes[0] + bytes[0] / 4 + growth);
  CHECK(bytes[1] < chunks * chunk * d);
}

TEST_CASE("memory_bytes counts what is held: an open block costs its rows") {
  const std::size_t d = 64;
  const auto spec = support::make_spec(d, 1.0, 24, 4096);
  const std::vector<float> k(4096 * d, 1.0f);
  const auto all = heavykeys::rows(k.data(), 4096, d);
  heavykeys::Sketch sketch(spec);
  heavykeys::streaming::absorb(sketch, all.slice(0, 4000));
  CHECK(sketch.memory_bytes() >= 4000 * d * sizeof(float));
  CHECK(sketch.memory_bytes() < 8 * 4096 * d * sizeof(double));
}
