// What is claimed takes no memory: empty states of the largest Specs, wide ones, and sizes without the bytes.
#include <catch2/catch.hpp>
#include <cstring>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/streaming.hpp"
#include "support/random.hpp"
#include "wire/reader.hpp"

using support::Random;
using wire::Bytes;
using wire::Reader;

TEST_CASE("states of the largest Specs, with nothing or little in them, are read with little memory") {
  using heavykeys::Score;
  const auto spec = [](std::size_t dim, const Score& score) {
    return heavykeys::Spec{.dim = dim, .epsilon = 0.01, .score = score};
  };
  Reader reader;
  for (const heavykeys::Spec& s :
       {spec(4096, {}), spec(4096, Score::power(4)), spec(4096, Score::expressive()),
        spec(64, Score::power(4)), spec(22, Score::power(6)), spec(13, Score::power(8)),
        spec(12, Score::polynomial({1, 1, 1, 1, 1})),
        heavykeys::Spec{.dim = 64,
        .epsilon = 5e-324,
        .score = Score::power(3),
        .block_rows = 16,
        .sample_rows = std::size_t{1} << 20}}) {
    reader.read(to_bytes(heavykeys::Sketch(s)), to_string(s));
  }
  reader.check();
  CHECK(reader.accepted == 8);
}

TEST_CASE("covariances of the largest specs, with nothing in them, are read with little memory") {
  Reader reader(wire::Stored::covariance);
  constexpr std::size_t kMost = std::size_t{1} << 24;
  for (const heavykeys::CovarianceSpec& spec :
       {heavykeys::CovarianceSpec{.dim = 16'384},
        heavykeys::CovarianceSpec{.dim = kMost, .sketch_columns = 1},
        heavykeys::CovarianceSpec{.dim = kMost, .sketch_columns = kMost - 1}}) {
    Bytes bytes = to_bytes(heavykeys::Covariance(spec));
    reader.read(bytes, std::string("empty, of ").append(std::to_string(spec.dim)));
    // One group of products, all of which are missing.
    const std::uint64_t samples = 9, group[] = {1, 0, 0, samples};
    constexpr std::size_t kSamplesAt = wire::kHeader + 24;
    std::memcpy(bytes.data() + kSamplesAt, &samples, sizeof samples);
    bytes.resize(bytes.size() - 8);
    const auto* fields = reinterpret_cast<const std::byte*>(group);
    bytes.insert(bytes.end(), fields, fields + sizeof group);
    wire::seal(bytes);
    reader.read(bytes, std::string("products that are missing, of ").append(std::to_string(spec.dim)));
  }
  reader.check();
  CHECK(reader.accepted == 3);
  CHECK(reader.refused == 3);
}

TEST_CASE("wide covariances and reconstructors are read with a small multiple of their size") {
  Random random(10);
  std::vector<double> samples(std::size_t{20} * 200);
  for (double& x : samples) x = random.gaussian();
  for (const std::size_t columns : {0, 30}) {
    heavykeys::Covariance covariance({.dim = 200, .sketch_columns = columns});
    heavykeys::streaming::absorb(covariance, heavykeys::rows(samples.data(), 20, 200));
    Reader reader(wire::Stored::covariance), fitted(wire::Stored::reconstructor);
    reader.read(to_bytes(covariance), "wide covariance");
    const heavykeys::PrincipalComponents components = principal_components(covariance, 10);
    for (const std::size_t computed : {1, 20, 199}) {
      fitted.read(to_bytes(fit_reconstructor(components, {.computed = computed})), "wide reconstructor");
    }
    reader.check();
    fitted.check();
    CHECK(reader.accepted + fitted.accepted == 4);
  }
}

TEST_CASE("wide states with rows in them are read with a small multiple of their size") {
  Random random(9);
  for (const heavykeys::Spec& spec :
       {heavykeys::Spec{.dim = 128, .epsilon = 0.05, .block_rows = 16},
        heavykeys::Spec{.dim = 14, .epsilon = 0.05, .score = heavykeys::Score::power(4), .block_rows = 16},
        heavykeys::Spec{
            .dim = 40, .epsilon = 0.05, .score = heavykeys::Score::expressive(), .block_rows = 16}}) {
    constexpr std::size_t n = 165;
    std::vector<float> keys(n * spec.dim);
    for (float& k : keys) k = static_cast<float>(random.integer(-1000, 1000));
    heavykeys::Sketch sketch(spec);
    heavykeys::streaming::absorb(sketch, heavykeys::rows(keys.data(), n, spec.dim));
    const Bytes bytes = to_bytes(sketch);
    CAPTURE(to_string(spec), bytes.size());
    CHECK(bytes.size() > 10'000);
    Reader reader;
    reader.read(bytes, to_string(spec));
    reader.check();
    CHECK(reader.accepted == 1);
  }
}
