// Covariances and reconstructors of every format version that was ever released are read forever.
//
// None of these files is ever made again. To add: heavykeys_tests_golden "[write]" in this folder.
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/streaming.hpp"
#include "lib/atomic_file.hpp"
#include "support/random.hpp"

namespace {

const std::filesystem::path kFolder = HEAVYKEYS_TESTS_GOLDEN;

struct Golden {
  const char* name;
  heavykeys::CovarianceSpec spec;
};

const std::vector<Golden> kCovariances{
    {"v1-whole.hkc", {.dim = 5}},
    {"v1-sketch.hkc", {.dim = 6, .sketch_columns = 3, .seed = 11}},
};
const char* const kReconstructor = "v1-rows.hkr";

heavykeys::Covariance covariance_of(const heavykeys::CovarianceSpec& spec) {
  support::Random random(spec.dim);
  std::vector<double> samples(30 * spec.dim);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto row = static_cast<int>(i / spec.dim);
    samples[i] = row == 7 ? 0.0 : std::ldexp(random.integer(-9999, 9999), row % 4 * 9 - 20);
  }
  heavykeys::Covariance covariance(spec);
  heavykeys::streaming::absorb(covariance, heavykeys::rows(samples.data(), 30, spec.dim));
  return covariance;
}

/// Two elements that are alike, and one that is not.
heavykeys::PrincipalComponents components() {
  heavykeys::PrincipalComponents c;
  c.dim = 3;
  c.samples = 9;
  c.mean = {1, 2, 3};
  c.variances = {8, 2};
  c.components = {0.6, 0.8, 0, /**/ 0, 0, 1};
  c.element_variances = {0.36 * 8, 0.64 * 8, 2};
  c.total_variance = 10;
  return c;
}

}  // namespace

TEST_CASE("golden covariances are read, mean the same, and are written again byte for byte") {
  for (const Golden& golden : kCovariances) {
    CAPTURE(golden.name);
    const auto bytes = heavykeys::detail::read_file(kFolder / golden.name);
    const heavykeys::Covariance covariance = heavykeys::covariance_from_bytes(bytes);
    REQUIRE(covariance.spec() == golden.spec);
    REQUIRE(covariance.sample_count() == 30);
    REQUIRE(to_bytes(covariance) == bytes);
    REQUIRE(to_bytes(covariance_of(golden.spec)) == bytes);
  }
}

TEST_CASE("a golden reconstructor is read, estimates the same, and is written again byte for byte") {
  const auto bytes = heavykeys::detail::read_file(kFolder / kReconstructor);
  const heavykeys::Reconstructor reconstructor = heavykeys::reconstructor_from_bytes(bytes);
  REQUIRE(to_bytes(reconstructor) == bytes);
  REQUIRE(reconstructor.dim() == 3);
  REQUIRE(reconstructor.elements().size() == 1);
  REQUIRE(reconstructor.elements()[0] == 1);
  const double partial[] = {2.8};
  const auto whole = reconstruct(reconstructor, heavykeys::rows(partial, 1, 1));
  // Elements 0 and 1 move together, 3 to 4.
  REQUIRE(whole[0] == Approx(1.6).epsilon(1e-5));
  REQUIRE(whole[1] == 2.8);
  REQUIRE(whole[2] == 3);
}

TEST_CASE("write the golden files of components of the present version", "[.][write]") {
  for (const Golden& golden : kCovariances) {
    if (std::filesystem::exists(kFolder / golden.name)) continue;
    heavykeys::streaming::save(covariance_of(golden.spec), kFolder / golden.name);
  }
  if (std::filesystem::exists(kFolder / kReconstructor)) return;
  heavykeys::ReconstructorOptions options;
  options.computed = 1;
  save(fit_reconstructor(components(), options), kFolder / kReconstructor);
}
