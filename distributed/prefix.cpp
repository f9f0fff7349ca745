#include <array>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "distributed/agree.hpp"
#include "distributed/lock_step.hpp"
#include "heavykeys/distributed.hpp"

namespace heavykeys::distributed {

namespace {

/// What the rank `step` before this one sent, if there is one, while this one sends to the rank `step` after.
std::vector<std::byte> shift(Communicator& comm, int step, std::vector<std::byte> bytes) {
  const int to = comm.rank() + step, from = comm.rank() - step;
  const std::uint64_t size = bytes.size();
  std::vector<std::byte> said(sizeof size);
  std::memcpy(said.data(), &size, sizeof size);
  std::vector<Communicator::Parcel> sizes, parcels;
  std::vector<Communicator::Arrival> expected;
  if (to < comm.size()) {
    sizes.push_back({to, std::move(said)});
    parcels.push_back({to, std::move(bytes)});
  }
  if (from >= 0) expected.push_back({from, sizeof size});
  const auto announced = comm.exchange(sizes, expected);
  if (from >= 0) {
    std::uint64_t incoming = 0;
    std::memcpy(&incoming, announced[0].data(), sizeof incoming);
    expected[0].size = static_cast<std::size_t>(incoming);
  }
  auto arrived = comm.exchange(parcels, expected);
  return from >= 0 ? std::move(arrived[0]) : std::vector<std::byte>();
}

/// Hillis and Steele: after each step, `before` is of the ranks up to 2 step - 1 before this one, and `here`
/// of those and this one.
Sketch merged_before(Communicator& comm, const Sketch& sketch) {
  agree(comm, "the specs", to_string(sketch.spec()));
  Sketch before(sketch.spec()), here(sketch);
  const std::vector<Score> score{sketch.spec().score};
  for (int step = 1; step < comm.size(); step *= 2) {
    const std::vector<std::byte> theirs = shift(comm, step, to_bytes(here));
    if (theirs.empty()) continue;
    const Sketch earlier = from_bytes(theirs, score);
    heavykeys::merge(before, earlier);
    heavykeys::merge(here, earlier);
  }
  return before;
}

}  // namespace

Sketch prefix(Communicator& comm, const Sketch& sketch) {
  if (comm.size() == 1) return Sketch(sketch.spec());
  std::optional<Sketch> before;
  LockStep steps(comm);
  steps.run([&] { before = merged_before(steps, sketch); });
  return std::move(*before);
}

}  // namespace heavykeys::distributed
