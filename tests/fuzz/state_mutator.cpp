// libFuzzer's mutator for state files: besides its own changes of bytes, whole fields set to values that
// readers trip over, and states made afresh from a few rows, so that all kinds of score come up.
// (Size and checksum need no care here: the target makes them fit.)
#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "fuzz/schedule_case.hpp"
#include "support/random.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed);

namespace {

constexpr std::size_t kHeader = 32, kSpec = 80, kSpecBytes = 48;

template <class T>
void put(std::uint8_t* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

/// Sets a field of 4 or 8 bytes; fields lie on multiples of 4 but for what follows a label.
void set_field(std::uint8_t* data, std::size_t size, support::Random& random) {
  static constexpr std::array<std::uint64_t, 14> kCounts{0,
                                                         1,
                                                         2,
                                                         16,
                                                         4096,
                                                         std::uint64_t{1} << 20,
                                                         std::uint64_t{1} << 31,
                                                         std::uint64_t{1} << 32,
                                                         std::uint64_t{1} << 61,
                                                         std::uint64_t{1} << 62,
                                                         std::uint64_t{1} << 63,
                                                         ~std::uint64_t{0},
                                                         ~std::uint64_t{0} / 8,
                                                         0x8000000080000000u};
  static constexpr std::array<std::int32_t, 9> kExponents{
      std::numeric_limits<int>::min(), std::numeric_limits<int>::max(), -1080, -1074, -1, 0, 1, 1024, -4320};
  static constexpr std::array<double, 8> kNumbers{0.0, 0.5, 1.0, 2.0, 10.0, 1e-300, 5e-324, 64.0};
  const std::size_t from = random.coin() ? kHeader : random.below(size);
  const std::size_t at = from + (random.below(std::min<std::size_t>(size - from, kSpecBytes * 3)) & ~3u);
  if (at + 8 > size) return;
  std::uint64_t old = 0;
  std::memcpy(&old, data + at, sizeof old);
  switch (random.below(5)) {
    case 0:
      return put(data + at, kCounts[random.below(kCounts.size())]);
    case 1:
      return put(data + at, kExponents[random.below(kExponents.size())]);
    case 2:
      return put(data + at, kNumbers[random.below(kNumbers.size())]);
    case 3:
      return put(data + at, old + static_cast<std::uint64_t>(random.integer(-3, 3)));
    default:  // 64-bit words are what a Gram matrix is made of
      return put(data + at, old ^ (std::uint64_t{1} << random.below(64)));
  }
}

std::size_t fresh_state(std::uint8_t* data, std::size_t size, std::size_t max_size, support::Random& random) {
  std::vector<std::byte> bytes(20 + random.below(200));
  for (std::byte& b : bytes) b = static_cast<std::byte>(random.below(256));
  fuzz::Input input(bytes);
  fuzz::Case c = fuzz::read_case(input);
  if (random.below(8) == 0) c.spec.score = heavykeys::Score::power(10);  // weights on arrival
  heavykeys::Sketch sketch(c.spec);
  for (const fuzz::Push& push : c.schedule.pushes) {
    const support::Buffer keys(c.streams[push.stream], c.dtype);
    if (push.sketch != 0) continue;  // leaves gaps
    heavykeys::streaming::absorb(sketch,
                                 keys.rows(0, push.stream).slice(push.piece.begin, push.piece.length));
  }
  const std::vector<std::byte> state = to_bytes(sketch);
  if (state.size() > max_size) return size;
  std::memcpy(data, state.data(), state.size());
  return state.size();
}

}  // namespace

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                    unsigned int seed) {
  support::Random random(seed);
  if (size < kSpec || random.below(64) == 0) return fresh_state(data, size, max_size, random);
  if (random.below(3) == 0) return LLVMFuzzerMutate(data, size, max_size);
  for (std::size_t i = 0, count = 1 + random.below(3); i < count; ++i) set_field(data, size, random);
  return size;
}
