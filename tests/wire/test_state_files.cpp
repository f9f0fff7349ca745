#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/streaming.hpp"
#include "lib/crc64.hpp"
#include "lib/plan.hpp"
#include "support/random.hpp"
#include "wire/state_files.hpp"

namespace wire {

namespace {

using namespace heavykeys;

std::vector<State> golden() {
  std::vector<State> out;
  for (const auto& entry : std::filesystem::directory_iterator(HEAVYKEYS_TESTS_GOLDEN)) {
    if (entry.path().extension() != ".hks") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto* p = reinterpret_cast<const std::byte*>(text.data());
    out.push_back({entry.path().filename().string(), Bytes(p, p + text.size())});
  }
  std::sort(out.begin(), out.end(), [](const State& a, const State& b) { return a.name < b.name; });
  return out;
}

/// 40 rows of two streams in blocks of 16; with `gaps`, every other run of 5 is missing.
State fresh(const Score& score, std::size_t dim, int range, bool gaps) {
  Spec spec{.dim = dim, .epsilon = 0.125, .score = score, .block_rows = 16};
  if (score != Score()) spec.sample_rows = 6;  // version 2
  Sketch sketch(spec);
  support::Random random(dim);
  std::vector<double> keys(40 * dim);
  for (double& k : keys) k = std::ldexp(random.integer(-9, 9), random.integer(-range, range));
  for (std::uint64_t stream : {0, 7}) {
    Rows all = rows(keys.data(), 40, dim);
    all.stream = stream;
    for (std::size_t begin = 0; begin < 40; begin += gaps ? 10 : 5) {
      streaming::absorb(sketch, all.slice(begin, 5));
    }
  }
  return {score.name() + (gaps ? " with gaps" : ""), to_bytes(sketch)};
}

/// Walks over a state, one field after the other.
class Walk {
 public:
  explicit Walk(const Bytes& state) : bytes_(state) {}

  std::uint64_t field(std::size_t size, Kind kind) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes_.data() + at_, size);
    fields.push_back({at_, size, kind});
    at_ += size;
    return value;
  }
  void array(std::uint64_t count, std::size_t size, Kind kind) {
    for (std::uint64_t i = 0; i < count; ++i) field(size, kind);
  }
  void rows(std::size_t dim) {
    const std::uint64_t count = field(8, Kind::count);
    const std::uint64_t size = field(4, Kind::small);
    field(4, Kind::small);
    array(count * dim, size, Kind::number);
  }
  void gram(std::size_t columns) {
    field(8, Kind::count);
    array(2 * columns, 4, Kind::exponent);
    array(field(8, Kind::count), 8, Kind::word);
  }
  void candidates(std::size_t dim) {
    array(2 * field(8, Kind::count), 8, Kind::id);
    rows(dim);
  }

  std::vector<Field> fields;

 private:
  const Bytes& bytes_;
  std::size_t at_ = 0;
};

}  // namespace

const std::vector<State>& states() {
  static const std::vector<State> all = [] {
    std::vector<State> out = golden();
    for (const bool gaps : {false, true}) {
      out.push_back(fresh({}, 4, 3, gaps));
      out.push_back(fresh({}, 2, 300, gaps));
      out.push_back(fresh(Score::power(4), 2, 3, gaps));
      out.push_back(fresh(Score::power(7), 2, 3, gaps));
      out.push_back(fresh(Score::power(1), 3, 3, gaps));
      out.push_back(fresh(Score::power(10), 2, 1, gaps));
      out.push_back(fresh(Score::expressive(), 3, 3, gaps));
      out.push_back(fresh(Score::polynomial({0.5, 1.0, 0.25}), 2, 3, gaps));
    }
    out.push_back({"no rows", to_bytes(Sketch({.dim = 3, .epsilon = 0.5}))});
    out.push_back(
        {"no rows, lifted", to_bytes(Sketch({.dim = 3, .epsilon = 0.5, .score = Score::power(6)}))});
    return out;
  }();
  return all;
}

std::vector<Field> fields_of(const Bytes& state) {
  const Spec spec = from_bytes(state).spec();
  const detail::Plan plan(spec);
  Walk walk(state);
  walk.array(8, 1, Kind::small);  // magic
  const std::uint64_t version = walk.field(4, Kind::small);
  walk.field(4, Kind::small);
  walk.field(8, Kind::count);  // size
  walk.field(8, Kind::word);   // checksum
  walk.field(8, Kind::count);  // dim
  walk.field(8, Kind::number);
  walk.array(2, 4, Kind::small);
  walk.field(8, Kind::number);
  walk.field(8, Kind::count);  // block_rows
  if (version > 1) {
    walk.field(8, Kind::count);
    walk.field(8, Kind::word);
    walk.array(walk.field(8, Kind::count), 8, Kind::number);
    walk.array(walk.field(8, Kind::count), 1, Kind::small);
  }
  for (std::uint64_t streams = walk.field(8, Kind::count); streams > 0; --streams) {
    walk.field(8, Kind::id);
    walk.array(2 * walk.field(8, Kind::count), 8, Kind::id);
  }
  walk.gram(plan.lift.size());
  if (plan.rule.weighted) {
    walk.gram(spec.dim);
    walk.array(2 * walk.field(8, Kind::count), 8, Kind::id);
  }
  walk.candidates(spec.dim);
  if (version > 1) walk.candidates(spec.dim);  // the sample
  for (std::uint64_t runs = walk.field(8, Kind::count); runs > 0; --runs) {
    walk.array(2, 8, Kind::id);
    walk.rows(spec.dim);
  }
  return walk.fields;
}

void seal(Bytes& state) {
  const std::uint64_t size = state.size();
  std::memcpy(state.data() + 16, &size, sizeof size);
  const std::uint64_t sum = detail::crc64(std::span<const std::byte>(state).subspan(kHeader));
  std::memcpy(state.data() + 24, &sum, sizeof sum);
}

}  // namespace wire

TEST_CASE("the states to damage are valid, of both versions, and their fields cover every byte") {
  std::size_t of_version[3] = {};
  for (const wire::State& state : wire::states()) {
    CAPTURE(state.name);
    REQUIRE(to_bytes(heavykeys::from_bytes(state.bytes)) == state.bytes);
    ++of_version[std::to_integer<std::size_t>(state.bytes[8])];
    std::size_t next = 0;
    for (const wire::Field& field : wire::fields_of(state.bytes)) {
      REQUIRE(field.at == next);
      next += field.size;
    }
    REQUIRE(next == state.bytes.size());
    wire::Bytes sealed = state.bytes;
    wire::seal(sealed);
    REQUIRE(sealed == state.bytes);
  }
  REQUIRE(of_version[1] >= 7);
  REQUIRE(of_version[2] >= 15);
}
