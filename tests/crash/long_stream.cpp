// heavykeys_tests_long_stream SAVED OUT ROWS EVERY: streams ROWS keys, saves to SAVED every so many, goes on
// from there when it is started again, and ends with the sketch in OUT. To be killed at any moment.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <vector>

#include "heavykeys/sketch.hpp"
#include "heavykeys/streaming.hpp"

namespace {

constexpr std::size_t kDim = 24;

/// Row `id`, the same whenever it is asked for; one in 97 is large.
void key(std::uint64_t id, float* to) {
  for (std::size_t c = 0; c < kDim; ++c) {
    std::uint64_t x = (id * kDim + c + 1) * 0x9e3779b97f4a7c15u;
    x ^= x >> 31;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 29;
    to[c] =
        static_cast<float>(static_cast<std::int64_t>(x >> 40) - (1 << 23)) * (id % 97 == 5 ? 64.0f : 1.0f);
  }
}

void run(const char* saved, const char* out, std::uint64_t rows, std::uint64_t every) {
  heavykeys::Sketch sketch({.dim = kDim, .epsilon = 0.02});
  if (std::filesystem::exists(saved)) sketch = heavykeys::streaming::load(saved);
  std::vector<float> keys(every * kDim);
  for (std::uint64_t next = sketch.next_row(); next < rows; next = sketch.next_row()) {
    const std::uint64_t count = rows - next < every ? rows - next : every;
    for (std::uint64_t i = 0; i < count; ++i) key(next + i, keys.data() + i * kDim);
    heavykeys::Rows view = heavykeys::rows(keys.data(), count, kDim);
    view.first_id = next;
    heavykeys::streaming::absorb(sketch, view);
    heavykeys::streaming::save(sketch, saved);
  }
  heavykeys::streaming::save(sketch, out);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  try {
    run(argv[1], argv[2], std::strtoull(argv[3], nullptr, 10), std::strtoull(argv[4], nullptr, 10));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
