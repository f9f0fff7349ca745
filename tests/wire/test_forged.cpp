// States that were forged with care, each of which once led arithmetic astray (docs/reliability.md).
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/streaming.hpp"
#include "lib/byte_stream.hpp"
#include "support/random.hpp"
#include "wire/state_files.hpp"

using heavykeys::Corrupt;
using heavykeys::Score;
using heavykeys::Sketch;
using heavykeys::Spec;
using wire::Bytes;

namespace {

/// Each block of 16 rows is 2^`rise` times as great as the one before.
Sketch absorbed(const Spec& spec, std::size_t n, int range, int rise = 0) {
  support::Random random(3);
  std::vector<double> keys(n * spec.dim);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const int exponent = random.integer(-range, range) + rise * static_cast<int>(i / spec.dim / 16);
    keys[i] = std::ldexp(random.integer(1, 1000), exponent);
  }
  Sketch sketch(spec);
  heavykeys::streaming::absorb(sketch, heavykeys::rows(keys.data(), n, spec.dim));
  return sketch;
}

/// Replaces `from`, wherever it stands, and says how often.
template <class T>
std::size_t replace(Bytes& bytes, T from, T to, std::size_t begin = 80) {
  std::size_t count = 0;
  for (std::size_t i = begin; i + sizeof(T) <= bytes.size(); ++i) {
    if (std::memcmp(bytes.data() + i, &from, sizeof from) != 0) continue;
    std::memcpy(bytes.data() + i, &to, sizeof to);
    ++count;
  }
  return count;
}

void check_refused(Bytes bytes, const std::string& why) {
  wire::seal(bytes);
  CHECK_THROWS_WITH(heavykeys::from_bytes(bytes), Catch::Contains(why));
  CHECK_THROWS_AS(heavykeys::from_bytes(bytes), Corrupt);
}

}  // namespace

TEST_CASE("a candidate with more bits than the grid is Corrupt, however wide its column") {
  // Products of four coordinates of 24 bits fit 96; of 53 bits they do not.
  const Sketch sketch = absorbed({.dim = 2, .epsilon = 0.25, .block_rows = 16}, 64, 3, 40);
  const heavykeys::UniversalSet set = finalize(sketch);
  REQUIRE(set.size() > 0);
  // The greatest: far above the least exponent of its column, so that it is a multiple of its unit anyway.
  const double value = *std::max_element(set.keys().begin(), set.keys().end());
  Bytes bytes = to_bytes(sketch);
  REQUIRE(replace(bytes, value, value * (1.0 + 0x1p-40)) == 1);
  check_refused(bytes, "not on the grid");
}

TEST_CASE("a mixed monomial's column that does not reach down to its candidates is Corrupt") {
  // Its exponent in the Gram matrix less its own was taken for a shift to the left.
  const Spec spec{.dim = 2, .epsilon = 0.25, .score = Score::power(4), .block_rows = 16};
  const Sketch sketch = absorbed(spec, 32, 3);
  REQUIRE(finalize(sketch).size() > 0);
  const Bytes state = to_bytes(sketch);
  // Exponents: low of x^2, xy, y^2, then high.
  std::vector<wire::Field> exponents;
  for (const wire::Field& field : wire::fields_of(state)) {
    if (field.kind == wire::Kind::exponent) exponents.push_back(field);
  }
  REQUIRE(exponents.size() == 6);
  Bytes bytes = state;
  for (const std::size_t which : {1, 4}) {  // both ends, so that the words stay as many
    int e = 0;
    std::memcpy(&e, state.data() + exponents[which].at, sizeof e);
    e += 60;
    std::memcpy(bytes.data() + exponents[which].at, &e, sizeof e);
  }
  check_refused(bytes, "not on the grid");
}

TEST_CASE("streams that claim more rows than there can be are Corrupt") {
  const Bytes empty = to_bytes(Sketch({.dim = 1, .epsilon = 0.5}));
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
  heavykeys::detail::ByteWriter out;
  constexpr std::size_t kCoverage = 72;  // header, and a spec of version 1
  out.put_bytes(empty.data(), kCoverage);
  out.put<std::uint64_t>(4);  // streams: their rows come to 2^64, which is 0
  for (std::uint64_t stream = 0; stream < 4; ++stream) {
    for (const std::uint64_t field : {stream, std::uint64_t{1}, std::uint64_t{0}, kMost}) out.put(field);
  }
  out.put_bytes(empty.data() + kCoverage + 8, empty.size() - kCoverage - 8);
  check_refused(out.take(), "more rows than there can be");
}

TEST_CASE("weights whose numbers add up only past 2^64 are Corrupt") {
  const Spec spec{.dim = 2, .epsilon = 0.25, .score = Score::power(10), .block_rows = 16};
  const Bytes state = to_bytes(absorbed(spec, 48, 3));
  std::vector<wire::Field> weights;  // {a, rows}: the ids between the words of the Grams and the candidates
  bool gram = false;
  for (const wire::Field& field : wire::fields_of(state)) {
    gram |= field.kind == wire::Kind::exponent;
    if (gram && field.kind == wire::Kind::id) weights.push_back(field);
    if (!weights.empty() && field.kind != wire::Kind::id) break;
  }
  REQUIRE(weights.size() >= 4);
  Bytes bytes = state;
  for (const std::size_t which : {1, 3}) bytes[weights[which].at + 7] ^= std::byte{0x80};
  check_refused(bytes, "row counts disagree");
}
