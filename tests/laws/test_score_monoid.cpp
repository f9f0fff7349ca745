// The sketch of every score but those with weights given on arrival is a function of the set of rows: merge,
// partition, order and engine change no byte.
#include <catch2/catch.hpp>

#include "heavykeys/parallel.hpp"
#include "laws/score_agreement.hpp"

using agreement::Case;
using heavykeys::merge;
using heavykeys::Sketch;
using support::absorbed;
using support::difference;

namespace {

template <class Check>
void for_every_problem(std::uint64_t first, Check check) {
  for (const Case& c : scores::all()) {
    DYNAMIC_SECTION(c.name()) {
      for (std::uint64_t seed = 0; seed < support::families().size(); ++seed) {
        const support::Problem p = agreement::draw(c, first + seed, {150, c.degrees.back() >= 3 ? 4u : 6u});
        INFO(p.name);
        support::Random random(seed);
        check(p, random);
      }
    }
  }
}

}  // namespace

TEST_CASE("every score: any order of pieces, of any size, gives the same bytes") {
  for_every_problem(50000, [](const support::Problem& p, support::Random& random) {
    const auto whole = to_bytes(absorbed(p.spec, p.keys.rows()));
    auto pieces = support::cut(p.n(), 1 + random.below(20), random);
    random.shuffle(pieces);
    CHECK(difference(to_bytes(absorbed(p.spec, p.keys.rows(), pieces)), whole) == "");
    auto single = support::every(p.n(), 1);
    random.shuffle(single);
    CHECK(difference(to_bytes(absorbed(p.spec, p.keys.rows(), single)), whole) == "");
  });
}

TEST_CASE("every score: any tree of merges over any partition gives the same bytes") {
  for_every_problem(51000, [](const support::Problem& p, support::Random& random) {
    const auto whole = to_bytes(absorbed(p.spec, p.keys.rows()));
    std::vector<Sketch> parts;
    for (const auto& piece : support::cut(p.n(), 2 + random.below(8), random)) {
      parts.push_back(absorbed(p.spec, p.keys.rows().slice(piece.begin, piece.length)));
    }
    parts.emplace_back(p.spec);  // and nothing
    while (parts.size() > 1) {
      random.shuffle(parts);
      merge(parts[0], parts.back());
      parts.pop_back();
    }
    CHECK(difference(to_bytes(parts[0]), whole) == "");
  });
}

TEST_CASE("every score: asking along the way changes nothing, and U is that of the whole") {
  for_every_problem(52000, [](const support::Problem& p, support::Random& random) {
    Sketch s(p.spec);
    for (const auto& piece : support::cut(p.n(), 6, random)) {
      heavykeys::streaming::absorb(s, p.keys.rows().slice(piece.begin, piece.length));
      const auto before = to_bytes(s);
      finalize(s);
      REQUIRE(difference(to_bytes(s), before) == "");
      if (random.coin()) s = Sketch(s);
    }
    const Sketch whole = absorbed(p.spec, p.keys.rows());
    CHECK(difference(s, whole) == "");
    const auto u = finalize(s), v = finalize(whole);
    CHECK(std::ranges::equal(u.ids(), v.ids()));
    CHECK(support::same_bits(u.leverage(), v.leverage()));
    CHECK(support::same_bits(u.keys(), v.keys()));
  });
}

TEST_CASE("every score: the parallel engines have the bytes and the entries of one core") {
  for_every_problem(53000, [](const support::Problem& p, support::Random& random) {
    const Sketch one = absorbed(p.spec, p.keys.rows());
    Sketch many(p.spec);
    heavykeys::parallel::Options options;
    options.threads = 1 + static_cast<int>(random.below(4));
    for (const auto& piece : support::cut(p.n(), 4, random)) {
      heavykeys::parallel::absorb(many, p.keys.rows().slice(piece.begin, piece.length), options);
    }
    CHECK(difference(many, one) == "");
    support::Matrix q(70, p.d());
    for (double& x : q.values) x = random.gaussian();
    const auto queries = heavykeys::rows(q.values.data(), q.rows, q.cols);
    const auto set = finalize(one);
    CHECK(heavykeys::parallel::heavy_entries(set, queries, options) == heavy_entries(set, queries));
  });
}
