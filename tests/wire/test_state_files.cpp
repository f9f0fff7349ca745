#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>

#include "heavykeys/heavykeys.hpp"
#include "lib/crc64.hpp"
#include "wire/walk.hpp"

namespace wire {

namespace {

using namespace heavykeys;

const std::map<Stored, std::string> kExtensions{
    {Stored::sketch, ".hks"}, {Stored::covariance, ".hkc"}, {Stored::reconstructor, ".hkr"}};

std::vector<State> golden(Stored kind) {
  std::vector<State> out;
  for (const auto& entry : std::filesystem::directory_iterator(HEAVYKEYS_TESTS_GOLDEN)) {
    if (entry.path().extension() != kExtensions.at(kind)) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto* p = reinterpret_cast<const std::byte*>(text.data());
    out.push_back({entry.path().filename().string(), Bytes(p, p + text.size()), kind});
  }
  std::sort(out.begin(), out.end(), [](const State& a, const State& b) { return a.name < b.name; });
  return out;
}

std::vector<State> fresh(Stored kind) {
  if (kind == Stored::covariance) return fresh_covariances();
  return kind == Stored::sketch ? fresh_sketches() : fresh_reconstructors();
}

}  // namespace

const std::vector<State>& states(Stored kind) {
  static std::map<Stored, std::vector<State>> all;
  std::vector<State>& of_kind = all[kind];
  if (!of_kind.empty()) return of_kind;
  of_kind = golden(kind);
  for (State& state : fresh(kind)) of_kind.push_back(std::move(state));
  return of_kind;
}

std::vector<State> all_states() {
  std::vector<State> out;
  for (const auto& [kind, extension] : kExtensions) {
    out.insert(out.end(), states(kind).begin(), states(kind).end());
  }
  return out;
}

Bytes written_again(Stored kind, const Bytes& bytes) {
  if (kind == Stored::covariance) return to_bytes(covariance_from_bytes(bytes));
  if (kind == Stored::reconstructor) return to_bytes(reconstructor_from_bytes(bytes));
  return to_bytes(from_bytes(bytes));
}

std::vector<Field> fields_of(const Bytes& state) {
  const std::string magic(reinterpret_cast<const char*>(state.data()), 8);
  if (magic == "HEAVYCOV") return fields_of_covariance(state);
  if (magic == "HEAVYREC") return fields_of_reconstructor(state);
  if (magic == "HEAVYKEY") return fields_of_sketch(state);
  throw std::logic_error("fields_of: " + magic);
}

void seal(Bytes& state) {
  const std::uint64_t size = state.size();
  std::memcpy(state.data() + 16, &size, sizeof size);
  const std::uint64_t sum = detail::crc64(std::span<const std::byte>(state).subspan(kHeader));
  std::memcpy(state.data() + 24, &sum, sizeof sum);
}

}  // namespace wire

TEST_CASE("the states to damage are valid, of every kind and version, and their fields cover every byte") {
  std::map<std::pair<wire::Stored, int>, int> count;
  for (const wire::State& state : wire::all_states()) {
    CAPTURE(state.name);
    REQUIRE(wire::written_again(state.kind, state.bytes) == state.bytes);
    ++count[{state.kind, std::to_integer<int>(state.bytes[8])}];
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
  REQUIRE(count[{wire::Stored::sketch, 1}] >= 7);
  REQUIRE(count[{wire::Stored::sketch, 2}] >= 15);
  REQUIRE(count[{wire::Stored::covariance, 1}] >= 8);
  REQUIRE(count[{wire::Stored::reconstructor, 1}] >= 10);
}

TEST_CASE("bytes of one kind are Corrupt to the readers of the others") {
  const wire::Stored kinds[] = {wire::Stored::sketch, wire::Stored::covariance, wire::Stored::reconstructor};
  for (const wire::State& state : wire::all_states()) {
    for (const wire::Stored kind : kinds) {
      if (kind == state.kind) continue;
      CAPTURE(state.name);
      REQUIRE_THROWS_AS(wire::written_again(kind, state.bytes), heavykeys::Corrupt);
    }
  }
}
