// Faults that a reviewer found, each as the law it broke.
#include <xmmintrin.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/parallel.hpp"
#include "lib/crc64.hpp"
#include "support/sketches.hpp"

using heavykeys::Rows;
using heavykeys::Sketch;

namespace {

/// A state file with the double or integer at `offset` replaced and the checksum made to fit.
template <class T>
std::vector<std::byte> forged(std::vector<std::byte> bytes, std::size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
  const std::uint64_t crc = heavykeys::detail::crc64(std::span<const std::byte>(bytes).subspan(32));
  std::memcpy(bytes.data() + 24, &crc, sizeof crc);
  return bytes;
}

}  // namespace

TEST_CASE("a column that begins with subnormals in a late block is seen, in any order of blocks") {
  const std::size_t n = 16 * 50;
  std::vector<double> k(2 * n, 0.0);
  for (std::size_t r = 0; r < n; ++r) k[2 * r] = 1.0;
  k[2 * 784] = 0.0;
  k[2 * 784 + 1] = 1e-320;
  const heavykeys::Spec spec = support::make_spec(2, 0.5);
  Sketch forward(spec), backward(spec);
  heavykeys::streaming::absorb(forward, heavykeys::rows(k.data(), n, 2));
  heavykeys::streaming::absorb(backward, heavykeys::rows(k.data() + 2 * 784, 16, 2, 784));
  heavykeys::streaming::absorb(backward, heavykeys::rows(k.data(), 784, 2));
  CHECK(to_bytes(forward) == to_bytes(backward));
  const heavykeys::UniversalSet set = finalize(forward);
  REQUIRE(set.size() == 1);
  CHECK(set.ids()[0].row == 784);
  CHECK(set.leverage()[0] == 1.0);
  CHECK(set.rank() == 2);
}

TEST_CASE("weights near the bottom of float64's range are found") {
  // Exactly: q . k is 2^-195 and 2^-600 against a normaliser of 2^-390, so the weights are 1 and 2^-810.
  std::vector<double> k;
  for (int r = 0; r < 48; ++r) {
    k.push_back(r < 16 ? 1.0 : r == 16 ? 0x1p-195 : r == 32 ? 0x1p-600 : 0.0);
    k.push_back(r < 16 ? 1.0 : 0.0);
  }
  const double q[] = {1.0, -1.0};
  Sketch sketch(support::make_spec(2, 0x1p-820));
  heavykeys::streaming::absorb(sketch, heavykeys::rows(k.data(), 48, 2));
  const heavykeys::HeavyEntries entries = heavy_entries(finalize(sketch), heavykeys::rows(q, 1, 2));
  REQUIRE(entries.keys.size() == 2);
  CHECK(entries.keys[0].row == 16);
  CHECK(entries.keys[1].row == 32);
  CHECK(entries.weights[0] == 1.0);
  CHECK(entries.weights[1] == Approx(0x1p-810).epsilon(1e-10));
}

TEST_CASE("a host that flushes subnormals or rounds upwards gets the same bytes") {
  support::Random random(3);
  std::vector<double> k;
  for (int i = 0; i < 3 * 200; ++i) k.push_back(random.gaussian() * (i % 3 == 2 ? 1e-310 : 1.0));
  const heavykeys::Spec spec = support::make_spec(3, 0.05);
  const Rows rows = heavykeys::rows(k.data(), 200, 3);
  const Sketch want = support::absorbed(spec, rows);
  const heavykeys::HeavyEntries entries = heavy_entries(finalize(want), rows.slice(0, 20));
  const unsigned before = _mm_getcsr();
  for (const unsigned mode : {0x8040u, 0x4000u, 0x6000u}) {  // flush and treat as zero; upwards; towards zero
    _mm_setcsr(before | mode);
    const Sketch serial = support::absorbed(spec, rows);
    Sketch threads(spec);
    heavykeys::parallel::absorb(threads, rows, {heavykeys::parallel::Runtime::tbb, 3});
    const std::vector<std::byte> a = to_bytes(serial), b = to_bytes(threads);
    const heavykeys::HeavyEntries found = heavy_entries(finalize(serial), rows.slice(0, 20));
    const unsigned after = _mm_getcsr();
    _mm_setcsr(before);
    CHECK(a == to_bytes(want));
    CHECK(b == to_bytes(want));
    CHECK(found == entries);
    CHECK((after & 0xffc0u) == ((before | mode) & 0xffc0u));  // and keeps its own mode
  }
}

TEST_CASE("an empty sketch whose columns claim exponents is Corrupt") {
  const std::vector<std::byte> bytes = to_bytes(Sketch(support::make_spec(1, 0.5)));
  // header 32, spec 40, streams 8, rows 8, then low[0] and high[0]
  CHECK_THROWS_AS(heavykeys::from_bytes(forged(bytes, 88, std::uint64_t{0x0000000100000001})),
                  heavykeys::Corrupt);
  CHECK_NOTHROW(heavykeys::from_bytes(forged(bytes, 88, std::uint64_t{0x8000000080000000})));
}

TEST_CASE("a candidate finer than its grid is Corrupt") {
  std::vector<double> k(16, 1.0);
  const std::vector<std::byte> bytes =
      to_bytes(support::absorbed(support::make_spec(1, 0.01), heavykeys::rows(k.data(), 16, 1)));
  const float one = 1.0f,
              finer = std::nextafter(1.0f, 2.0f) - 1.0f;  // 2^-23; the grid of [1/2, 2) is 2^-23 as well
  const auto* p = reinterpret_cast<const std::byte*>(&one);
  const auto at =
      static_cast<std::size_t>(std::search(bytes.begin() + 32, bytes.end(), p, p + 4) - bytes.begin());
  REQUIRE(at < bytes.size());
  CHECK_THROWS_AS(heavykeys::from_bytes(forged(bytes, at, finer / 1024.0f)), heavykeys::Corrupt);
}

TEST_CASE("a universal set that was never made is refused, and so are keys without data") {
  const double q[] = {1.0};
  CHECK_THROWS_AS(heavy_entries(heavykeys::UniversalSet{}, heavykeys::rows(q, 1, 1)),
                  heavykeys::InvalidInput);
  heavykeys::CausalHeavy pass(support::make_spec(1, 0.5), heavykeys::rows(q, 1, 1), 2);
  CHECK_THROWS_AS(pass.absorb(heavykeys::rows(static_cast<const double*>(nullptr), 2, 1)),
                  heavykeys::InvalidInput);
}

TEST_CASE("rows that arrive scattered one by one close up without a gap") {
  // Every second row first: as many ranges as rows. Each append then costs a search and a shift, no scan.
  Sketch sketch(support::make_spec(1, 0.5, 24, 4096));
  const double one = 1.0;
  for (std::uint64_t r = 0; r < 20000; ++r)
    heavykeys::streaming::absorb(sketch, heavykeys::rows(&one, 1, 1, 2 * r));
  CHECK(sketch.row_count() == 20000);
  CHECK_THROWS_AS(finalize(sketch), heavykeys::InvalidInput);
  for (std::uint64_t r = 0; r < 20000; ++r)
    heavykeys::streaming::absorb(sketch, heavykeys::rows(&one, 1, 1, 2 * r + 1));
  CHECK(sketch.next_row() == 40000);
  CHECK(finalize(sketch).row_count() == 40000);
}
