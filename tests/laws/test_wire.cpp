// The byte form: whatever to_bytes did not write is Corrupt, and a file is the bytes.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/streaming.hpp"
#include "lib/crc64.hpp"
#include "support/problems.hpp"

using heavykeys::Corrupt;
using heavykeys::from_bytes;
using heavykeys::Sketch;
using support::absorbed;
using support::difference;
using support::Random;
using Bytes = std::vector<std::byte>;

namespace {

enum class Outcome { accepted, corrupt, other };

Outcome outcome(const Bytes& bytes) {
  try {
    from_bytes(bytes);
    return Outcome::accepted;
  } catch (const Corrupt&) {
    return Outcome::corrupt;
  } catch (...) {
    return Outcome::other;
  }
}

// Sketches with complete blocks, candidates, unfinished blocks, gaps and two streams.
std::vector<Sketch> samples() {
  std::vector<Sketch> out;
  out.emplace_back(support::make_spec(3, 0.5));
  for (std::uint64_t seed : {0, 7, 24, 33}) {
    const support::Problem p = support::draw(seed, {90, 4});
    out.push_back(absorbed(p.spec, p.keys.rows()));
    Sketch gaps(p.spec);
    for (const auto& piece : support::every(p.n(), 5)) {
      if (piece.begin % 10 == 0) {
        heavykeys::streaming::absorb(gaps, p.keys.rows(0, piece.begin % 20).slice(piece.begin, piece.length));
      }
    }
    out.push_back(gaps);
  }
  return out;
}

std::filesystem::path scratch(const std::string& name) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("heavykeys-laws-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  return folder / name;
}

}  // namespace

TEST_CASE("a truncation at any length is Corrupt") {
  for (const Sketch& s : samples()) {
    const Bytes whole = to_bytes(s);
    CHECK(outcome(whole) == Outcome::accepted);
    std::size_t wrong = 0;
    for (std::size_t length = 0; length < whole.size(); ++length) {
      const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
      if (outcome(part) != Outcome::corrupt) {
        ++wrong;
        UNSCOPED_INFO("length " << length << " of " << whole.size());
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("bytes after the end are Corrupt") {
  for (const Sketch& s : samples()) {
    for (std::size_t extra : {1, 7, 8, 64}) {
      Bytes longer = to_bytes(s);
      longer.resize(longer.size() + extra);
      CHECK(outcome(longer) == Outcome::corrupt);
    }
  }
}

TEST_CASE("every single flipped bit is Corrupt") {
  const support::Problem p = support::draw(24, {40, 3});
  const Bytes whole = to_bytes(absorbed(p.spec, p.keys.rows()));
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes flipped = whole;
      flipped[i] ^= std::byte{1} << bit;
      if (outcome(flipped) != Outcome::corrupt) {
        ++wrong;
        UNSCOPED_INFO("byte " << i << " bit " << bit);
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("random changes of one to eight bytes are Corrupt") {
  Random random(11);
  const std::vector<Sketch> all = samples();
  std::size_t wrong = 0;
  for (int round = 0; round < 4000; ++round) {
    const Bytes whole = to_bytes(all[random.below(all.size())]);
    Bytes changed = whole;
    for (std::size_t i = 0, count = 1 + random.below(8); i < count; ++i) {
      const std::size_t at = random.coin() ? random.below(changed.size())
                                           : random.below(std::min<std::size_t>(changed.size(), 128));
      changed[at] = static_cast<std::byte>(random.below(256));
    }
    if (changed != whole && outcome(changed) != Outcome::corrupt) {
      ++wrong;
      UNSCOPED_INFO("round " << round);
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("pieces of one sketch spliced into another, and noise of any length, are Corrupt") {
  Random random(12);
  const std::vector<Sketch> all = samples();
  std::size_t wrong = 0;
  for (int round = 0; round < 1000; ++round) {
    const Bytes a = to_bytes(all[random.below(all.size())]), b = to_bytes(all[random.below(all.size())]);
    const std::size_t at = random.below(std::min(a.size(), b.size()));
    Bytes spliced(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(at));
    spliced.insert(spliced.end(), b.begin() + static_cast<std::ptrdiff_t>(at), b.end());
    if (spliced != a && spliced != b && outcome(spliced) != Outcome::corrupt) ++wrong;
    Bytes noise(random.below(600));
    for (std::byte& x : noise) x = static_cast<std::byte>(random.below(256));
    if (outcome(noise) != Outcome::corrupt) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("behind a checksum that was made to fit, what is accepted is what to_bytes would have written") {
  // header: magic 8, version 4, zero 4, size 8, CRC-64 of the rest 8
  constexpr std::size_t header = 32, checksum_at = 24;
  Random random(13);
  const std::vector<Sketch> all = samples();
  std::size_t refused = 0, accepted = 0, other = 0, not_canonical = 0;
  for (int round = 0; round < 6000; ++round) {
    Bytes bytes = to_bytes(all[random.below(all.size())]);
    if (random.below(8) == 0) bytes.resize(header + random.below(bytes.size() - header));
    for (std::size_t i = 0, count = 1 + random.below(3); i < count && bytes.size() > header; ++i) {
      const std::size_t body = bytes.size() - header;
      const std::size_t at =
          header + (random.coin() ? random.below(body) : random.below(std::min<std::size_t>(body, 160)));
      const int kind = random.integer(0, 2);
      bytes[at] = kind == 0   ? bytes[at] ^ (std::byte{1} << random.below(8))
                  : kind == 1 ? static_cast<std::byte>(random.below(256))
                              : std::byte{0xff};
    }
    const std::uint64_t size = bytes.size();
    std::memcpy(bytes.data() + 16, &size, sizeof size);
    const std::uint64_t sum = heavykeys::detail::crc64(std::span<const std::byte>(bytes).subspan(header));
    std::memcpy(bytes.data() + checksum_at, &sum, sizeof sum);
    const Outcome what = outcome(bytes);
    refused += what == Outcome::corrupt;
    other += what == Outcome::other;
    if (what != Outcome::accepted) continue;
    ++accepted;
    const Sketch back = from_bytes(bytes);
    try {
      finalize(back);  // whatever it holds, it must end, with an answer or an Error
    } catch (const heavykeys::Error&) {
    }
    if (to_bytes(back) != bytes) {
      ++not_canonical;
      UNSCOPED_INFO("round " << round << " is accepted, but is not what to_bytes writes");
    }
  }
  CAPTURE(refused, accepted);
  CHECK(refused > 1000);
  CHECK(accepted > 0);
  CHECK(other == 0);
  CHECK(not_canonical == 0);
}

TEST_CASE("a saved sketch loads equal, its file holds to_bytes, and saving again replaces it") {
  const support::Problem p = support::draw(0);
  const auto path = scratch("sketch.hks");
  const Sketch half = absorbed(p.spec, p.keys.rows().slice(0, p.n() / 2));
  heavykeys::streaming::save(half, path);
  Sketch back = heavykeys::streaming::load(path);
  CHECK(difference(back, half) == "");
  CHECK(std::filesystem::file_size(path) == to_bytes(half).size());
  heavykeys::streaming::absorb(back, p.keys.rows().slice(p.n() / 2, p.n() - p.n() / 2));
  heavykeys::streaming::save(back, path);
  CHECK(difference(heavykeys::streaming::load(path), absorbed(p.spec, p.keys.rows())) == "");
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(path.parent_path())) {
    files += entry.path().filename().string().find("sketch.hks") != std::string::npos;
  }
  CHECK(files == 1);  // no temporary file is left
  std::filesystem::remove(path);
}

TEST_CASE(
    "loading what is missing is a BackendError, what is not a sketch Corrupt; saving nowhere a "
    "BackendError") {
  const auto path = scratch("broken.hks");
  std::filesystem::remove(path);
  CHECK_THROWS_AS(heavykeys::streaming::load(path), heavykeys::BackendError);
  std::ofstream(path) << "not a sketch";
  CHECK_THROWS_AS(heavykeys::streaming::load(path), Corrupt);
  std::ofstream(path, std::ios::trunc).close();
  CHECK_THROWS_AS(heavykeys::streaming::load(path), Corrupt);
  std::filesystem::remove(path);
  const Sketch s(support::make_spec(2, 0.5));
  CHECK_THROWS_AS(heavykeys::streaming::save(s, scratch("no-such-folder") / "x" / "y.hks"),
                  heavykeys::BackendError);
}
