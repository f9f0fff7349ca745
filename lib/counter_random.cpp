#include "lib/counter_random.hpp"

#include <Random123/philox.h>

namespace heavykeys::detail {

namespace {

constexpr std::uint32_t low_half(std::uint64_t v) { return static_cast<std::uint32_t>(v); }
constexpr std::uint32_t high_half(std::uint64_t v) { return static_cast<std::uint32_t>(v >> 32); }
constexpr std::uint64_t joined(std::uint32_t low, std::uint32_t high) {
  return static_cast<std::uint64_t>(high) << 32 | low;
}

inline r123::Philox4x32::ctr_type block(std::uint64_t seed, std::uint64_t a, std::uint64_t b) {
  const r123::Philox4x32::ctr_type position = {{low_half(a), high_half(a), low_half(b), high_half(b)}};
  const r123::Philox4x32::key_type key = {{low_half(seed), high_half(seed)}};
  return r123::Philox4x32()(position, key);
}

}  // namespace

RandomBits random_bits(std::uint64_t seed, std::uint64_t a, std::uint64_t b) {
  const auto words = block(seed, a, b);
  return {joined(words[0], words[1]), joined(words[2], words[3])};
}

void random_words(std::uint64_t seed, std::uint64_t a, std::uint64_t first, std::size_t count,
                  std::uint64_t* out) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto words = block(seed, a, first + i);
    out[i] = joined(words[0], words[1]);
  }
}

}  // namespace heavykeys::detail
