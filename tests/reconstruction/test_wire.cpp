// A reconstructor as bytes: what comes back is equal, and what is damaged is refused.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include "heavykeys/error.hpp"
#include "lib/crc64.hpp"
#include "reconstruction/reference.hpp"

using heavykeys::Corrupt;
using heavykeys::Reconstructor;
using heavykeys::reconstructor_from_bytes;
using Bytes = std::vector<std::byte>;

namespace {

std::vector<Reconstructor> some() {
  support::Random random(21);
  std::vector<Reconstructor> out;
  const auto c = reconstruction::model(9, 2, 0.5, 0.1, random);
  for (const std::size_t s : {1, 4, 8, 9}) {
    for (const auto estimator : {heavykeys::Estimator::lmmse, heavykeys::Estimator::least_squares}) {
      out.push_back(heavykeys::fit_reconstructor(
          c, {.computed = s, .estimator = estimator, .seed = 7, .sample_queries = 3}));
    }
  }
  const auto wide = reconstruction::model(600, 2, 0.5, 0.1, random);
  out.push_back(heavykeys::fit_reconstructor(wide, {.computed = 50}));
  return out;
}

void seal(Bytes& bytes) {
  const std::uint64_t crc = heavykeys::detail::crc64(std::span(bytes).subspan(32));
  std::memcpy(bytes.data() + 24, &crc, 8);
}

template <class T>
Bytes with(Bytes bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
  seal(bytes);
  return bytes;
}

std::filesystem::path scratch() {
  return std::filesystem::temp_directory_path() / ("heavykeys-rec-" + std::to_string(::getpid()) + ".hkr");
}

}  // namespace

TEST_CASE("what comes back is equal, and has the same bytes") {
  for (const Reconstructor& r : some()) {
    const Bytes bytes = to_bytes(r);
    const Reconstructor back = reconstructor_from_bytes(bytes);
    CHECK(back == r);
    CHECK(to_bytes(back) == bytes);
    CHECK(back.options() == r.options());
    CHECK(back.predicted_error() == r.predicted_error());
    save(r, scratch());
    CHECK(heavykeys::load_reconstructor(scratch()) == r);
  }
  CHECK(!(some()[0] == some()[1]));
  std::filesystem::remove(scratch());
}

TEST_CASE("every prefix and every changed byte is refused") {
  for (const Reconstructor& r : some()) {
    if (r.dim() > 100) continue;
    const Bytes bytes = to_bytes(r);
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      CHECK_THROWS_AS(reconstructor_from_bytes(std::span(bytes).first(n)), Corrupt);
      for (const int flip : {1, 128, 255}) {
        Bytes damaged = bytes;
        damaged[n] ^= static_cast<std::byte>(flip);
        CHECK_THROWS_AS(reconstructor_from_bytes(damaged), Corrupt);
      }
    }
    Bytes longer = bytes;
    longer.push_back(std::byte{0});
    CHECK_THROWS_AS(reconstructor_from_bytes(longer), Corrupt);
  }
}

TEST_CASE("bytes forged with a fitting checksum are refused, or are those of what comes back") {
  for (const Reconstructor& r : some()) {
    if (r.dim() > 100) continue;
    const Bytes bytes = to_bytes(r);
    for (std::size_t n = 32; n < bytes.size(); ++n) {
      for (const int flip : {1, 64, 128, 255}) {
        Bytes forged = bytes;
        forged[n] ^= static_cast<std::byte>(flip);
        seal(forged);
        try {
          const Bytes back = to_bytes(reconstructor_from_bytes(forged));
          if (back != forged) FAIL_CHECK("byte " << n << " is lost");
        } catch (const Corrupt&) {
        }
      }
    }
  }
}

TEST_CASE("sizes, options and numbers that cannot be are refused by name") {
  const Bytes bytes = to_bytes(some()[2]);  // 4 of 9
  const auto text = [](const Bytes& b) {
    try {
      reconstructor_from_bytes(b);
    } catch (const Corrupt& e) {
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  using Catch::Contains;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(text(bytes) == "accepted");
  CHECK_THAT(text(with(bytes, 0, 'X')), Contains("not a heavykeys reconstructor"));
  CHECK_THAT(text(with(bytes, 8, std::uint32_t{2})),
             Contains("format version 2; this program reads up to version 1"));
  for (const std::size_t at : {32, 40, 56, 96}) {  // dim, computed, components, coefficients
    CHECK_THAT(text(with(bytes, at, ~std::uint64_t{0})), Contains("do not fit"));
    CHECK_THAT(text(with(bytes, at, std::uint64_t{1} << 31)), Contains("fit") || Contains("options"));
  }
  CHECK_THAT(text(with(bytes, 48, std::uint32_t{4})), Contains("options"));
  CHECK_THAT(text(with(bytes, 52, std::uint32_t{0})), Contains("options"));
  CHECK_THAT(text(with(bytes, 64, nan)), Contains("options"));
  CHECK_THAT(text(with(bytes, 80, std::uint64_t{2})), Contains("options"));  // 9 elements in 2 rows
  CHECK_THAT(text(with(bytes, 88, nan)), Contains("options"));
  CHECK_THAT(text(with(bytes, 112, std::uint64_t{9})), Contains("not ascending"));
  CHECK_THAT(text(with(bytes, 112 + 4 * 8, nan)), Contains("not finite"));
  CHECK_THAT(text(with(bytes, bytes.size() - 8, std::numeric_limits<double>::infinity())),
             Contains("not finite"));
}

TEST_CASE("files that are not there, or damaged, are named") {
  CHECK_THROWS_WITH(heavykeys::load_reconstructor("/nowhere/at/all"), Catch::Contains("/nowhere/at/all"));
  CHECK_THROWS_AS(heavykeys::load_reconstructor("/nowhere/at/all"), heavykeys::BackendError);
  CHECK_THROWS_AS(save(some()[0], "/nowhere/at/all"), heavykeys::BackendError);
  {
    std::ofstream file(scratch(), std::ios::binary);
    file << "HEAVYREC and no more";
  }
  CHECK_THROWS_WITH(heavykeys::load_reconstructor(scratch()),
                    Catch::Contains(scratch().string() + ": not a heavykeys reconstructor"));
  std::filesystem::remove(scratch());
}
