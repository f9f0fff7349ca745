// A rank that is cancelled ends the collective call on all of them, and nothing has changed.
#include <catch2/catch.hpp>

#include "distributed/world.hpp"
#include "heavykeys/distributed.hpp"
#include "heavykeys/error.hpp"
#include "heavykeys/monitor.hpp"
#include "support/families.hpp"
#include "support/sketches.hpp"

using namespace heavykeys;
using world::Communicator;

TEST_CASE("a rank that is cancelled during a merge ends it for all") {
  support::Random random(3);
  const support::Matrix keys = support::gaussian({400, 4}, random);
  const Spec spec = support::make_spec(4, 0.05);
  for (const world::World& world : world::worlds()) {
    INFO(world.name);
    CHECK(world.run([&](Communicator& comm) -> std::string {
      const auto rank = static_cast<std::size_t>(comm.rank()), ranks = static_cast<std::size_t>(comm.size());
      const std::size_t begin = 400 * rank / ranks, end = 400 * (rank + 1) / ranks;
      Sketch sketch = support::absorbed(spec, rows(keys.row(begin), end - begin, 4, begin));
      const std::vector<std::byte> before = to_bytes(sketch);
      const bool last = rank + 1 == ranks;
      if (ranks == 1) return {};  // has nothing to merge, so there is nothing to end
      try {
        const Monitor monitor([&](const Progress&) { return !last; }, std::chrono::nanoseconds(0));
        distributed::allmerge(comm, sketch);
        return "the call was not cancelled";
      } catch (const Cancelled& error) {
        if (std::string(error.what()).find("rank " + std::to_string(ranks - 1)) == std::string::npos) {
          return std::string("does not name the rank: ") + error.what();
        }
      }
      if (to_bytes(sketch) != before) return "the sketch has changed";
      distributed::allmerge(comm, sketch);
      const Sketch whole = support::absorbed(spec, rows(keys.row(0), 400, 4));
      return support::difference(sketch, whole);
    }) == "");
  }
}
