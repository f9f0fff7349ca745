// What only ranks with a process of their own can have apart.
#include <catch2/catch.hpp>

#include "distributed/law.hpp"
#include "engines/engine.hpp"

using heavykeys::Dtype;
using heavykeys::Sketch;
using heavykeys::distributed::allmerge;
using law::Hands;
using law::Truth;
using support::Random;
using world::Communicator;

TEST_CASE("allmerge: each process may use an instruction set of its own") {
  const auto isas = heavykeys::available_isas();
  Random random(2);
  const support::Buffer keys(engines::planted(3000, 33, random), Dtype::f32);
  const auto spec = support::make_spec(33, 0.05, 24, 256);
  const Truth truth(support::absorbed(spec, keys.rows()), keys.rows().slice(0, 20));
  for (const world::World& w : world::worlds()) {
    const Hands hands = law::deals()[7].make(3000, static_cast<std::size_t>(w.ranks), 256, random);
    CHECK(w.run([&](Communicator& comm) {
      const engines::UsingIsa forced(isas[static_cast<std::size_t>(comm.rank()) % isas.size()]);
      Sketch sketch = law::dealt(spec, keys.rows(), hands, comm);
      allmerge(comm, sketch);
      return law::difference(sketch, truth);
    }) == "");
  }
}
