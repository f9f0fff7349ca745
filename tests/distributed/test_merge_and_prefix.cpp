// Merging onto one rank, and the sketch of the ranks before each: both as one core would have them.
#include <catch2/catch.hpp>

#include "distributed/law.hpp"
#include "laws/score_cases.hpp"

using heavykeys::Rows;
using heavykeys::Sketch;
using support::Random;
using world::Communicator;

namespace {

support::Problem drawn(std::uint64_t seed) {
  support::Problem p = support::draw(77000 + seed, {120, 5});
  if (seed % 2 == 1) p.spec.score = scores::all()[(seed / 2) % scores::all().size()].score;
  p.spec.sample_rows = seed % 3 == 0 ? 9 : 1024;
  p.name.append(" ").append(to_string(p.spec));
  return p;
}

}  // namespace

TEST_CASE("merge: the root has the bytes of one core, the others what they had") {
  for (const world::World& w : world::worlds()) {
    for (const std::uint64_t seed : law::seeds(40, w)) {
      const support::Problem p = drawn(seed);
      Random random(seed);
      const law::Deal& deal = law::deals()[seed % law::deals().size()];
      const law::Hands hands = deal.make(p.n(), static_cast<std::size_t>(w.ranks), p.spec.block_rows, random);
      const law::Truth truth(support::absorbed(p.spec, p.keys.rows()),
                             p.keys.rows().slice(0, std::min<std::size_t>(p.n(), 5)));
      for (const int root : {0, w.ranks / 2, w.ranks - 1}) {
        INFO(w.name << ", root " << root << ", dealt " << deal.name << ", " << p.name);
        CHECK(w.run([&](Communicator& comm) -> std::string {
          Sketch sketch = law::dealt(p.spec, p.keys.rows(), hands, comm);
          const Sketch before = sketch;
          heavykeys::distributed::merge(comm, sketch, root);
          if (comm.rank() == root) return law::difference(sketch, truth);
          return support::difference(sketch, before);
        }) == "");
      }
    }
  }
}

TEST_CASE("merge, then on with what each rank has") {
  // The others have their own rows still: a later allmerge must find them on two ranks.
  for (const world::World& w : world::worlds()) {
    if (w.ranks == 1) continue;
    const support::Problem p = drawn(4);
    Random random(4);
    const law::Hands hands =
        law::deals()[0].make(p.n(), static_cast<std::size_t>(w.ranks), p.spec.block_rows, random);
    const law::Truth truth(support::absorbed(p.spec, p.keys.rows()), p.keys.rows().slice(0, 1));
    INFO(w.name);
    CHECK(w.run([&](Communicator& comm) -> std::string {
      Sketch sketch = law::dealt(p.spec, p.keys.rows(), hands, comm);
      heavykeys::distributed::merge(comm, sketch, 1);
      const std::string text = law::thrown([&] { allmerge(comm, sketch); });
      if (!text.starts_with("Incompatible ")) return "threw '" + text + "'";
      if (comm.rank() != 1) sketch = Sketch(p.spec);
      allmerge(comm, sketch);
      return law::difference(sketch, truth);
    }) == "");
  }
}

TEST_CASE("prefix: rank r has the bytes of one core that saw the rows of the ranks before r") {
  for (const world::World& w : world::all_worlds()) {
    for (const std::uint64_t seed : law::seeds(w.name.find(',') == std::string::npos ? 40 : 5, w)) {
      const support::Problem p = drawn(seed);
      Random random(seed);
      const auto ranks = static_cast<std::size_t>(w.ranks);
      const law::Deal& deal = law::deals()[seed % law::deals().size()];
      const law::Hands hands = deal.make(p.n(), ranks, p.spec.block_rows, random);
      std::vector<std::vector<std::byte>> truth;
      Sketch before(p.spec);
      for (const auto& hand : hands) {
        truth.push_back(to_bytes(before));
        for (const auto& piece : hand)
          heavykeys::streaming::absorb(before, p.keys.rows().slice(piece.begin, piece.length));
      }
      INFO(w.name << ", dealt " << deal.name << ", " << p.name);
      CHECK(w.run([&](Communicator& comm) -> std::string {
        const Sketch sketch = law::dealt(p.spec, p.keys.rows(), hands, comm);
        const Sketch mine = sketch;
        const Sketch found = prefix(comm, mine);
        const auto wrong = support::difference(to_bytes(found), truth[static_cast<std::size_t>(comm.rank())]);
        if (!wrong.empty()) return wrong;
        return support::difference(mine, sketch);
      }) == "");
    }
  }
}

TEST_CASE("prefix of a custom score weighs queries: its function comes along") {
  for (const world::World& w : world::worlds()) {
    INFO(w.name);
    heavykeys::Spec spec = support::make_spec(2, 0.1);
    spec.score = heavykeys::Score::custom("huber", scores::huber, 2);
    Random random(5);
    const std::size_t each = 32, n = each * static_cast<std::size_t>(w.ranks);
    const support::Matrix k = support::gaussian({n, 2}, random);
    const Rows rows = heavykeys::rows(k.values.data(), n, 2);
    CHECK(w.run([&](Communicator& comm) -> std::string {
      const std::size_t first = each * static_cast<std::size_t>(comm.rank());
      const Sketch found = prefix(comm, support::absorbed(spec, rows.slice(first, each)));
      return law::difference(heavy_entries(finalize(found), rows),
                             heavy_entries(finalize(support::absorbed(spec, rows.slice(0, first))), rows));
    }) == "");
  }
}
