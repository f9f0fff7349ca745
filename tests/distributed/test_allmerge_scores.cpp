// allmerge for every score: lifts, onions, samples, custom functions.
#include <catch2/catch.hpp>

#include "distributed/law.hpp"
#include "laws/score_cases.hpp"

using heavykeys::Sketch;
using heavykeys::distributed::allmerge;
using support::Random;
using world::Communicator;

TEST_CASE("allmerge, every score: every answer of one core, on every rank") {
  std::uint64_t number = 0;
  for (const scores::Case& c : scores::all()) {
    DYNAMIC_SECTION(c.name()) {
      const std::size_t most = c.degrees.back() >= 3 ? 4 : 6;
      for (const world::World& w : world::worlds()) {
        for (const std::uint64_t seed : law::seeds(10, w)) {
          support::Problem p = support::draw(80000 + 11 * seed + number, {150, most});
          p.spec.score = c.score;
          p.spec.sample_rows = std::vector<std::size_t>{0, 5, 1024}[seed % 3];
          p.spec.seed = seed;
          Random random(seed);
          const support::Matrix q = law::make_queries(p.keys.values(), 8, random);
          const law::Truth truth(support::absorbed(p.spec, p.keys.rows()),
                                 heavykeys::rows(q.values.data(), q.rows, q.cols));
          const law::Deal& deal = law::deals()[(seed + number) % law::deals().size()];
          INFO(w.name << ", dealt " << deal.name << ", " << p.name << " sample " << p.spec.sample_rows);
          const law::Hands hands =
              deal.make(p.n(), static_cast<std::size_t>(w.ranks), p.spec.block_rows, random);
          CHECK(w.run([&](Communicator& comm) {
            Sketch sketch = law::dealt(p.spec, p.keys.rows(), hands, comm);
            allmerge(comm, sketch);
            return law::difference(sketch, truth);
          }) == "");
        }
      }
    }
    ++number;
  }
}

TEST_CASE("allmerge: samples of any size and seed, of rows that are on one rank or on all") {
  support::Random random(3);
  const std::size_t n = 3000, d = 3;
  const support::Matrix k = support::gaussian({n, d}, random);
  const auto rows = heavykeys::rows(k.values.data(), n, d);
  for (const world::World& w : world::worlds()) {
    for (const std::size_t size : {1, 5, 1024, 2900, 5000}) {
      for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}}) {
        heavykeys::Spec spec = support::make_spec(d, 0.1);
        spec.score = heavykeys::Score::expressive();
        spec.sample_rows = size;
        spec.seed = seed;
        const law::Truth truth(support::absorbed(spec, rows), rows.slice(0, 3));
        const law::Deal& deal = law::deals()[(size + seed) % law::deals().size()];
        INFO(w.name << ", dealt " << deal.name << ", " << to_string(spec));
        const law::Hands hands = deal.make(n, static_cast<std::size_t>(w.ranks), spec.block_rows, random);
        CHECK(w.run([&](Communicator& comm) {
          Sketch sketch = law::dealt(spec, rows, hands, comm);
          allmerge(comm, sketch);
          return law::difference(sketch, truth);
        }) == "");
      }
    }
  }
}
