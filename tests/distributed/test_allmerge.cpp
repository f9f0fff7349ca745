// The promise of allmerge: on every rank the bytes, the universal set and the heavy entries of one core that
// saw all rows, however they were split.
#include <catch2/catch.hpp>

#include "distributed/law.hpp"

using heavykeys::Rows;
using heavykeys::Sketch;
using heavykeys::distributed::allmerge;
using law::Deal;
using law::Hands;
using law::Truth;
using support::Random;
using world::Communicator;

namespace {

/// allmerge of the rows dealt like this, against the truth, on every rank.
void check(const world::World& w, const heavykeys::Spec& spec, const Rows& rows, const Hands& hands,
           const Truth& truth) {
  CHECK(w.run([&](Communicator& comm) {
    Sketch sketch = law::dealt(spec, rows, hands, comm);
    allmerge(comm, sketch);
    return law::difference(sketch, truth);
  }) == "");
}

/// Every deal, for each world one problem of `draw(seed)` after the other.
template <class Draw>
void check_all(const std::vector<world::World>& worlds, std::size_t problems, const Draw& draw) {
  for (const world::World& w : worlds) {
    for (const std::uint64_t seed : law::seeds(problems, w)) {
      const support::Problem p = draw(seed);
      Random random(seed);
      const support::Matrix q = law::make_queries(p.keys.values(), 12, random);
      const Truth truth(support::absorbed(p.spec, p.keys.rows()),
                        heavykeys::rows(q.values.data(), q.rows, q.cols));
      for (const Deal& deal : law::deals()) {
        INFO(w.name << ", dealt " << deal.name << ", " << p.name);
        const auto ranks = static_cast<std::size_t>(w.ranks);
        check(w, p.spec, p.keys.rows(), deal.make(p.n(), ranks, p.spec.block_rows, random), truth);
      }
    }
  }
}

}  // namespace

TEST_CASE("deals are of every row once") {
  for (const Deal& deal : law::deals()) {
    for (const std::size_t ranks : {1, 2, 3, 7, 16}) {
      for (const std::size_t n : {0, 1, 5, 16, 100, 257}) {
        Random random(n + ranks);
        const Hands hands = deal.make(n, ranks, 16, random);
        INFO(deal.name << " " << ranks << " " << n);
        CHECK(hands.size() == ranks);
        std::vector<int> seen(n, 0);
        for (const auto& hand : hands) {
          for (const auto& p : hand) {
            for (std::size_t r = p.begin; r < p.begin + p.length; ++r) ++seen.at(r);
          }
        }
        CHECK(std::ranges::all_of(seen, [](int s) { return s == 1; }));
      }
    }
  }
}

TEST_CASE("allmerge, x^2: every family of keys, every deal, every number of ranks") {
  check_all(world::worlds(), 2 * support::families().size(),
            [](std::uint64_t seed) { return support::draw(70000 + seed); });
}

TEST_CASE("allmerge, x^2: delays, tiny messages and 16 ranks change nothing") {
  check_all(world::all_worlds(), 6, [](std::uint64_t seed) {
    return support::draw(71000 + 7 * seed, {90, 5});
  });
}

TEST_CASE("allmerge of nothing is nothing") {
  for (const world::World& w : world::all_worlds()) {
    INFO(w.name);
    CHECK(w.run([](Communicator& comm) {
      const Sketch empty(support::make_spec(3, 0.5));
      Sketch sketch = empty;
      allmerge(comm, sketch);
      return support::difference(sketch, empty);
    }) == "");
  }
}

TEST_CASE("allmerge: columns that are zero on some ranks, and widths that differ from rank to rank") {
  // Rank r of R has columns of its own scale: 2^(50 r) with every sign; some columns only on one rank.
  const std::size_t d = 6, block = 16;
  for (const world::World& w : world::worlds()) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      INFO(w.name << " seed " << seed);
      Random random(seed);
      const auto ranks = static_cast<std::size_t>(w.ranks);
      const std::size_t each = 3 * block, n = ranks * each;
      support::Matrix k = support::gaussian({n, d}, random);
      for (std::size_t r = 0; r < n; ++r) {
        const std::size_t rank = r / each;
        for (std::size_t c = 0; c < d; ++c) {
          if (c == rank % d || (c + rank + seed) % 3 == 0) k(r, c) = 0;
          if (c == d - 1 && rank != seed % ranks) k(r, c) = 0;
          k(r, c) = std::ldexp(k(r, c), seed % 2 ? static_cast<int>(120 * (rank + c) % 700) - 300 : 0);
        }
        if (seed >= 4 && rank == 0) std::fill_n(k.row(r), d, 0.0);
      }
      const Rows rows = heavykeys::rows(k.values.data(), n, d);
      const auto spec = support::make_spec(d, 0.05, 24, block);
      const Truth truth(support::absorbed(spec, rows), rows.slice(0, 10));
      Hands hands(ranks);
      for (std::size_t r = 0; r < ranks; ++r) hands[r].push_back({r * each, each});
      check(w, spec, rows, hands, truth);
    }
  }
}

TEST_CASE("allmerge, then more rows on one rank, then again with others: as one core that saw all") {
  for (const world::World& w : world::worlds()) {
    for (const std::uint64_t seed : law::seeds(20, w)) {
      const support::Problem p = support::draw(72000 + seed);
      INFO(w.name << ", " << p.name);
      Random random(seed);
      const auto ranks = static_cast<std::size_t>(w.ranks);
      const std::size_t at = random.below(p.n() + 1);
      const auto deal = law::deals()[seed % law::deals().size()].make;
      const Hands first = deal(at, ranks, p.spec.block_rows, random);
      const Hands second = deal(p.n() - at, ranks, p.spec.block_rows, random);
      const Rows rows = p.keys.rows(), later = rows.slice(at, p.n() - at);
      const Truth half(support::absorbed(p.spec, rows.slice(0, at)), rows.slice(0, 1));
      const Truth whole(support::absorbed(p.spec, rows), rows.slice(0, 1));
      const int keeper = static_cast<int>(seed % ranks);
      CHECK(w.run([&](Communicator& comm) {
        Sketch sketch = law::dealt(p.spec, rows, first, comm);
        allmerge(comm, sketch);
        if (auto wrong = law::difference(sketch, half); !wrong.empty()) return "first: " + wrong;
        Sketch mine = comm.rank() == keeper ? sketch : Sketch(p.spec);  // the rows are one rank's again
        for (const auto& piece : second.at(static_cast<std::size_t>(comm.rank())))
          heavykeys::streaming::absorb(mine, later.slice(piece.begin, piece.length));
        allmerge(comm, mine);
        if (auto wrong = law::difference(mine, whole); !wrong.empty()) return "second: " + wrong;
        heavykeys::streaming::absorb(sketch, later);  // and a merged sketch takes rows like any other
        const auto wrong = law::difference(sketch, whole);
        return wrong.empty() ? wrong : "absorbed after: " + wrong;
      }) == "");
    }
  }
}

TEST_CASE("allmerge of sketches that were pruned, written, read or copied on the way") {
  for (const world::World& w : world::worlds()) {
    for (const std::uint64_t seed : law::seeds(20, w)) {
      const support::Problem p = support::draw(73000 + seed);
      INFO(w.name << ", " << p.name);
      Random random(seed);
      const auto ranks = static_cast<std::size_t>(w.ranks);
      const Hands hands =
          law::deals()[seed % law::deals().size()].make(p.n(), ranks, p.spec.block_rows, random);
      const Truth truth(support::absorbed(p.spec, p.keys.rows()), p.keys.rows().slice(0, 1));
      CHECK(w.run([&](Communicator& comm) {
        Sketch sketch = law::dealt(p.spec, p.keys.rows(), hands, comm);
        if (comm.rank() % 3 == 0) sketch = heavykeys::from_bytes(to_bytes(sketch));
        if (comm.rank() % 3 == 1) sketch = Sketch(sketch);
        allmerge(comm, sketch);
        return law::difference(sketch, truth);
      }) == "");
    }
  }
}
