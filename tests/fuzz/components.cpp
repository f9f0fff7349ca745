// Covariances and reconstructors as bytes: what is read is what would be written, and can be worked with.
#include <cmath>
#include <cstring>
#include <vector>

#include "fuzz/target.hpp"
#include "heavykeys/heavykeys.hpp"
#include "heavykeys/streaming.hpp"
#include "lib/crc64.hpp"

namespace fuzz {

namespace {

using namespace heavykeys;

constexpr std::size_t kHeader = 32, kSizeAt = 16, kChecksumAt = 24;  // docs/format.md

/// Runs `action`. An Error, and nothing else, may come out of it.
template <class Action>
bool succeeds(const Action& action) {
  try {
    action();
    return true;
  } catch (const Error&) {
    return false;
  }
}

void check_covariance(Bytes bytes) {
  const Covariance covariance = covariance_from_bytes(bytes);
  require(std::ranges::equal(to_bytes(covariance), bytes), "what is accepted is what would be written");
  // What is read is small whatever it claims; what one sample makes of it is dim^2 sums, by right.
  if (covariance.spec().dim > 256) return;
  Covariance more = covariance;
  std::vector<double> sample(covariance.spec().dim);
  for (std::size_t i = 0; i < sample.size(); ++i) sample[i] = i % 3 == 2 ? -0.5 : 1.0;
  if (succeeds([&] { streaming::absorb(more, rows(sample.data(), 1, sample.size())); })) {
    require(more.sample_count() == covariance.sample_count() + 1, "a sample is a sample");
    require(succeeds([&] { covariance_from_bytes(to_bytes(more)); }), "what is written can be read");
  }
  // Whether sums are those of any samples is not to be seen: eigenvalues may be anything, but they end.
  if (sample.size() > 64) return;
  succeeds([&] {
    const PrincipalComponents components = principal_components(covariance);
    require(components.components.size() == components.size() * sample.size(), "sizes agree");
    for (const double v : components.variances) require(v >= 0.0, "no variance is negative");
  });
}

void check_reconstructor(Bytes bytes) {
  const Reconstructor reconstructor = reconstructor_from_bytes(bytes);
  require(std::ranges::equal(to_bytes(reconstructor), bytes), "what is accepted is what would be written");
  const std::vector<double> partial(reconstructor.elements().size(), 0.25);
  succeeds([&] {
    const auto whole = reconstruct(reconstructor, rows(partial.data(), 1, partial.size()));
    require(whole.size() == reconstructor.dim(), "a sample is whole");
    for (const std::size_t e : reconstructor.elements()) require(whole[e] == 0.25, "what is computed stays");
  });
}

void read(Bytes bytes) {
  succeeds([&] { check_covariance(bytes); });
  succeeds([&] { check_reconstructor(bytes); });
}

}  // namespace

void components(Bytes input) {
  read(input);  // as it is
  if (input.size() < kHeader) return;
  std::vector<std::byte> fixed(input.begin(), input.end());
  const std::uint64_t size = fixed.size();
  std::memcpy(fixed.data() + kSizeAt, &size, sizeof size);
  const std::uint64_t sum = detail::crc64(Bytes(fixed).subspan(kHeader));
  std::memcpy(fixed.data() + kChecksumAt, &sum, sizeof sum);
  if (!std::ranges::equal(fixed, input)) read(fixed);
}

}  // namespace fuzz
