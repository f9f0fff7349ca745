// Randomness as a pure function of (seed, position): Philox4x32-10 of Random123 (Salmon et al., SC 2011).
// No state, no order: any thread may ask for any position and finds the same bits there, on any processor.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heavykeys::detail {

struct RandomBits {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const RandomBits&, const RandomBits&) = default;
};

/// The 128 bits at position (a, b) under this seed: a permutation of the positions for each seed.
RandomBits random_bits(std::uint64_t seed, std::uint64_t a, std::uint64_t b);

/// out[i] = random_bits(seed, a, first + i).low.
void random_words(std::uint64_t seed, std::uint64_t a, std::uint64_t first, std::size_t count,
                  std::uint64_t* out);

/// What the randomness is for. Uses of one seed must not share positions, so each has a seed of its own.
enum class Purpose : std::uint64_t {
  row_sample = 1,
  gaussian_projection = 2,
  sparse_projection = 3,
  leverage_sample = 4,
  covariance_signs = 5,
  element_choice = 6,
  sparse_pattern = 16
};

/// The seed of one purpose.
inline std::uint64_t derived_seed(std::uint64_t seed, Purpose purpose) {
  return random_bits(seed, static_cast<std::uint64_t>(purpose), ~std::uint64_t{0}).low;
}

/// In [0, 1): the top 53 bits, exactly.
inline double unit_interval(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

}  // namespace heavykeys::detail
