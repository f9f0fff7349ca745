// State files of every format version that was ever released are read forever, and mean what they meant.
//
// A new version adds files; none is ever made again. To add: heavykeys_tests_golden "[write]" in this folder.
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/streaming.hpp"
#include "support/random.hpp"

namespace {

const std::filesystem::path kFolder = HEAVYKEYS_TESTS_GOLDEN;

struct Golden {
  const char* name;
  std::size_t rows, dim, block_rows;
  int grid_bits;
  double epsilon;
  int range;  // exponents of the values span this many powers of two
  std::uint64_t streams;
  std::vector<std::uint64_t> universal;  // rows of U, all streams one after the other
  heavykeys::Score score = {};
  std::size_t sample_rows = 1024;
};

/// log(1 + x^2), by a name: a file holds no function.
heavykeys::Score logarithm() {
  return heavykeys::Score::custom(
      "log1p-of-square", [](double x) { return std::log1p(x * x); }, 2);
}

const std::vector<Golden> kGolden{
    {"v1-one-row", 1, 3, 16, 24, 1.0, 1, 1, {0}},
    {"v1-blocks-and-waiting-rows", 150, 4, 64, 24, 0.125, 6, 1, {125, 147}},
    {"v1-two-streams-20-bits", 90, 5, 16, 20, 0.0625, 3, 2, {24, 39, 53, 61, 76, 86, 31, 33, 46, 53, 55, 73}},
    {"v1-wide-range-float64", 60, 2, 16, 24, 0.25, 400, 1, {45, 52}},
    {"v2-lift",
     70,
     3,
     32,
     24,
     0.25,
     2,
     1,
     {0, 28, 33, 39, 40, 54, 55, 59, 60, 66},
     heavykeys::Score::power(4.0)},
    {"v2-polynomial",
     70,
     3,
     32,
     20,
     0.25,
     2,
     1,
     {0, 7, 22, 24, 26, 28, 33, 38, 39, 40, 41, 51, 54, 55, 59, 60, 63, 65, 66},
     heavykeys::Score::polynomial({0.5, 1.0, 0.0, 0.25})},
    {"v2-onion-and-sample", 60, 3, 32, 24, 0.125, 6, 2, {5, 19}, heavykeys::Score::expressive(), 8},
    {"v2-custom",
     50,
     2,
     16,
     24,
     0.125,
     6,
     1,
     {1, 2, 4, 8, 11, 12, 15, 17, 20, 21, 23, 37, 45, 47},
     logarithm(),
     4},
    {"v2-arrival-weights",
     100,
     3,
     32,
     24,
     0.25,
     1,
     1,
     {0,  4,  5,  6,  7,  8,  11, 12, 13, 14, 22, 23, 24, 25, 28, 31, 32, 33, 34, 35, 36, 38,
      39, 40, 41, 43, 44, 45, 47, 48, 50, 51, 54, 55, 59, 60, 61, 62, 63, 64, 65, 66, 68, 70,
      72, 73, 74, 75, 77, 78, 79, 80, 82, 83, 86, 87, 88, 89, 90, 92, 93, 94, 95, 96, 98},
     heavykeys::Score::power(10.0),
     3},
};

/// The keys a golden file was made from: integers over powers of two, the same on every machine.
std::vector<double> keys_of(const Golden& golden, std::uint64_t stream) {
  support::Random random(1000 + stream);
  std::vector<double> keys(golden.rows * golden.dim);
  for (double& k : keys) {
    // One draw a statement: compilers differ in the order of a call's arguments.
    const int exponent = random.integer(-golden.range / 2, golden.range / 2);
    k = std::ldexp(random.integer(-1000, 1000), exponent);
    if (golden.range > 100) k += k * 0x1p-40;  // no longer a float32
  }
  return keys;
}

heavykeys::Sketch sketch_of(const Golden& golden) {
  heavykeys::Spec spec;
  spec.dim = golden.dim;
  spec.epsilon = golden.epsilon;
  spec.grid_bits = golden.grid_bits;
  spec.block_rows = golden.block_rows;
  spec.score = golden.score;
  spec.sample_rows = golden.score == heavykeys::Score() ? 1024 : golden.sample_rows;
  heavykeys::Sketch sketch(spec);
  for (std::uint64_t stream = 0; stream < golden.streams; ++stream) {
    const std::vector<double> keys = keys_of(golden, stream);
    heavykeys::Rows rows = heavykeys::rows(keys.data(), golden.rows, golden.dim);
    rows.stream = stream;
    heavykeys::streaming::absorb(sketch, rows);
  }
  return sketch;
}

std::vector<std::byte> read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto* p = reinterpret_cast<const std::byte*>(text.data());
  return {p, p + text.size()};
}

}  // namespace

TEST_CASE("golden files are read, mean the same, and are written again byte for byte") {
  for (const Golden& golden : kGolden) {
    CAPTURE(golden.name);
    const std::vector<std::byte> bytes = read(kFolder / (std::string(golden.name) + ".hks"));
    REQUIRE(bytes.size() > 200);
    const heavykeys::Sketch sketch = heavykeys::from_bytes(bytes);
    REQUIRE(sketch.row_count() == golden.rows * golden.streams);
    REQUIRE(heavykeys::to_bytes(sketch) == bytes);
    REQUIRE(heavykeys::to_bytes(sketch_of(golden)) == bytes);
    std::vector<std::uint64_t> rows;
    const heavykeys::UniversalSet set = heavykeys::finalize(sketch);
    for (const heavykeys::KeyId& id : set.ids()) rows.push_back(id.row);
    REQUIRE(rows == golden.universal);
  }
}

TEST_CASE("every golden file in the folder is listed") {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder))
    files += entry.path().extension() == ".hks";
  REQUIRE(files == kGolden.size());
}

TEST_CASE("write the golden files of the present version", "[.][write]") {
  for (const Golden& golden : kGolden) {
    const auto path = kFolder / (std::string(golden.name) + ".hks");
    if (std::filesystem::exists(path)) continue;
    heavykeys::streaming::save(sketch_of(golden), path);
    std::string rows;
    const heavykeys::UniversalSet set = heavykeys::finalize(sketch_of(golden));
    for (const heavykeys::KeyId& id : set.ids()) rows += std::to_string(id.row) + ", ";
    WARN(golden.name << ": {" << rows << "}");
  }
}
