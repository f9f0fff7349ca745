// A program of a user, linked against the shared libraries: what the public headers declare is there, errors
// thrown in one library are caught as their type here, and a Communicator written here is called from there.
#include <algorithm>
#include <cstdio>
#include <vector>

#include "heavykeys/distributed.hpp"
#include "heavykeys/heavykeys.hpp"
#include "heavykeys/parallel.hpp"
#include "heavykeys/streaming.hpp"

namespace {

/// One rank alone.
class Alone final : public heavykeys::distributed::Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void all_max(std::span<std::int64_t>) override {}
  void all_sum(std::span<std::uint64_t>, std::size_t) override {}
  std::vector<std::vector<std::byte>> gather(std::span<const std::byte> mine, std::optional<int>) override {
    return {{mine.begin(), mine.end()}};
  }
  std::vector<std::vector<std::byte>> exchange(std::span<const Parcel>, std::span<const Arrival>) override {
    return {};
  }
};

bool refuses_nothing_to_sketch() {
  try {
    heavykeys::Spec spec;
    spec.dim = 0;
    const heavykeys::Sketch sketch(spec);
  } catch (const heavykeys::InvalidInput& error) {
    const std::exception& base = error;
    return dynamic_cast<const heavykeys::Error*>(&base) != nullptr;
  }
  return false;
}

bool same_bytes_from_every_library() {
  const std::vector<float> keys{1, 0, 0, /**/ 0, 2, 0, /**/ 1, 0, 0, /**/ 0, 0, 3};
  heavykeys::Spec spec;
  spec.dim = 3;
  spec.epsilon = 0.75;
  heavykeys::Sketch one(spec), two(spec), three(spec);
  heavykeys::streaming::absorb(one, heavykeys::rows(keys.data(), 4, 3));
  heavykeys::parallel::absorb(two, heavykeys::rows(keys.data(), 4, 3));
  heavykeys::streaming::absorb(three, heavykeys::rows(keys.data(), 4, 3));
  Alone alone;
  heavykeys::distributed::allmerge(alone, three);
  const auto bytes = heavykeys::to_bytes(one);
  return bytes == heavykeys::to_bytes(two) && bytes == heavykeys::to_bytes(three) &&
         heavykeys::finalize(heavykeys::from_bytes(bytes)).size() == 2;
}

}  // namespace

int main() {
  if (!refuses_nothing_to_sketch() || !same_bytes_from_every_library()) return 1;
  std::puts(heavykeys::version());
  return 0;
}
