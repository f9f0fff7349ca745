// A sketch is a function of the SET of rows absorbed: merge is a commutative monoid, absorb is merge with
// the rows' own sketch, and finalize is a question. All of it as equality of bytes, on every family.
#include <catch2/catch.hpp>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/streaming.hpp"
#include "support/problems.hpp"

using heavykeys::merge;
using heavykeys::Sketch;
using support::absorbed;
using support::difference;
using support::Random;

namespace {

const std::size_t problems = 5 * support::families().size();

Sketch merged(Sketch a, const Sketch& b) {
  merge(a, b);
  return a;
}

// The sketch of every piece, apart.
std::vector<Sketch> shards(const support::Problem& p, const std::vector<support::Piece>& pieces) {
  std::vector<Sketch> sketches;
  for (const auto& piece : pieces)
    sketches.push_back(absorbed(p.spec, p.keys.rows().slice(piece.begin, piece.length)));
  return sketches;
}

}  // namespace

TEST_CASE("an empty sketch has no rows, no candidates, and an empty universal set") {
  const Sketch empty(support::make_spec(3, 0.5));
  CHECK(empty.row_count() == 0);
  CHECK(empty.next_row() == 0);
  CHECK(empty.next_row(7) == 0);
  CHECK(empty.candidate_count() == 0);
  const auto set = finalize(empty);
  CHECK(set.size() == 0);
  CHECK(set.rank() == 0);
  CHECK(set.row_count() == 0);
}

TEST_CASE("sketches of other rows have other bytes") {
  const auto spec = support::make_spec(2, 0.5);
  const double a[] = {1, 0, 0, 1}, b[] = {1, 0, 0, 2};
  CHECK(difference(absorbed(spec, heavykeys::rows(a, 2, 2)), absorbed(spec, heavykeys::rows(b, 2, 2))) != "");
  CHECK(difference(absorbed(spec, heavykeys::rows(a, 2, 2)), absorbed(spec, heavykeys::rows(a, 2, 2, 1))) !=
        "");
  CHECK(difference(absorbed(spec, heavykeys::rows(a, 1, 2)), Sketch(spec)) != "");
}

TEST_CASE("identity: merging with an empty sketch changes nothing, on either side") {
  for (std::size_t seed = 0; seed < problems; ++seed) {
    const support::Problem p = support::draw(seed);
    INFO(p.name);
    const Sketch s = absorbed(p.spec, p.keys.rows()), empty(p.spec);
    CHECK(difference(merged(s, empty), s) == "");
    CHECK(difference(merged(empty, s), s) == "");
  }
}

TEST_CASE("absorbing nothing changes nothing") {
  const support::Problem p = support::draw(0);
  Sketch s = absorbed(p.spec, p.keys.rows());
  const Sketch before = s;
  heavykeys::streaming::absorb(s, p.keys.rows().slice(0, 0));
  heavykeys::streaming::absorb(s, p.keys.rows().slice(p.n(), 0));
  CHECK(difference(s, before) == "");
}

TEST_CASE("commutativity: a + b == b + a") {
  for (std::size_t seed = 0; seed < problems; ++seed) {
    const support::Problem p = support::draw(seed);
    INFO(p.name);
    Random random(seed);
    const std::size_t at = random.below(p.n() + 1);
    const Sketch a = absorbed(p.spec, p.keys.rows().slice(0, at));
    const Sketch b = absorbed(p.spec, p.keys.rows().slice(at, p.n() - at));
    CHECK(difference(merged(a, b), merged(b, a)) == "");
  }
}

TEST_CASE("associativity: (a + b) + c == a + (b + c), all six orders equal") {
  for (std::size_t seed = 0; seed < problems; ++seed) {
    const support::Problem p = support::draw(seed);
    INFO(p.name);
    Random random(seed);
    std::vector<Sketch> s = shards(p, support::cut(p.n(), 3, random));
    while (s.size() < 3) s.emplace_back(p.spec);
    const auto whole = to_bytes(absorbed(p.spec, p.keys.rows()));
    CHECK(difference(to_bytes(merged(merged(s[0], s[1]), s[2])), whole) == "");
    CHECK(difference(to_bytes(merged(s[0], merged(s[1], s[2]))), whole) == "");
    CHECK(difference(to_bytes(merged(merged(s[2], s[0]), s[1])), whole) == "");
    CHECK(difference(to_bytes(merged(s[1], merged(s[2], s[0]))), whole) == "");
  }
}

TEST_CASE("absorb = split + merge: any tree over any pieces has the bytes of one absorb") {
  for (std::size_t seed = 0; seed < problems; ++seed) {
    const support::Problem p = support::draw(seed);
    INFO(p.name);
    Random random(seed);
    std::vector<Sketch> s = shards(p, support::cut(p.n(), 2 + random.below(12), random));
    while (s.size() > 1) {  // merge two at random
      random.shuffle(s);
      merge(s[0], s.back());
      s.pop_back();
    }
    CHECK(difference(s[0], absorbed(p.spec, p.keys.rows())) == "");
  }
}

TEST_CASE("any order of pieces gives the same bytes") {
  for (std::size_t seed = 0; seed < problems; ++seed) {
    const support::Problem p = support::draw(seed);
    INFO(p.name);
    Random random(seed);
    auto pieces = support::cut(p.n(), 1 + random.below(20), random);
    random.shuffle(pieces);
    CHECK(difference(absorbed(p.spec, p.keys.rows(), pieces), absorbed(p.spec, p.keys.rows())) == "");
  }
}

TEST_CASE("any order of single rows gives the same bytes") {
  for (std::size_t seed = 0; seed < problems; ++seed) {
    const support::Problem p = support::draw(seed);
    INFO(p.name);
    Random random(seed);
    auto pieces = support::every(p.n(), 1);
    random.shuffle(pieces);
    CHECK(difference(absorbed(p.spec, p.keys.rows(), pieces), absorbed(p.spec, p.keys.rows())) == "");
  }
}

TEST_CASE(
    "asking along the way changes nothing: prefixes that are finalized, written and copied go on equal") {
  for (std::size_t seed = 0; seed < problems; ++seed) {
    const support::Problem p = support::draw(seed);
    INFO(p.name);
    Random random(seed);
    Sketch s(p.spec);
    for (const auto& piece : support::cut(p.n(), 8, random)) {
      heavykeys::streaming::absorb(s, p.keys.rows().slice(piece.begin, piece.length));
      const auto before = to_bytes(s);
      finalize(s);
      REQUIRE(difference(to_bytes(s), before) == "");
      const std::size_t asked = random.below(3);
      if (asked == 0) s = heavykeys::from_bytes(before);
      if (asked == 1) s = Sketch(s);
    }
    CHECK(difference(s, absorbed(p.spec, p.keys.rows())) == "");
  }
}

TEST_CASE("from_bytes(to_bytes(s)) is s: equal bytes, equal counts, equal universal set") {
  for (std::size_t seed = 0; seed < problems; ++seed) {
    const support::Problem p = support::draw(seed);
    INFO(p.name);
    const Sketch s = absorbed(p.spec, p.keys.rows());
    const Sketch back = heavykeys::from_bytes(to_bytes(s));
    CHECK(difference(back, s) == "");
    CHECK(back.spec() == s.spec());
    CHECK(back.row_count() == s.row_count());
    CHECK(back.next_row() == s.next_row());
    const auto u = finalize(s), v = finalize(back);
    CHECK(std::ranges::equal(u.ids(), v.ids()));
    CHECK(support::same_bits(u.leverage(), v.leverage()));
    CHECK(support::same_bits(u.keys(), v.keys()));
  }
}

TEST_CASE("a sketch with gaps round-trips and merges too") {
  for (std::size_t seed = 0; seed < problems; ++seed) {
    const support::Problem p = support::draw(seed);
    INFO(p.name);
    Random random(seed);
    auto pieces = support::cut(p.n(), 10, random);
    random.shuffle(pieces);
    Sketch odd(p.spec), even(p.spec);
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      heavykeys::streaming::absorb(i % 2 ? odd : even,
                                   p.keys.rows().slice(pieces[i].begin, pieces[i].length));
    }
    const Sketch a = heavykeys::from_bytes(to_bytes(odd)), b = heavykeys::from_bytes(to_bytes(even));
    CHECK(difference(a, odd) == "");
    CHECK(difference(merged(a, b), absorbed(p.spec, p.keys.rows())) == "");
  }
}

TEST_CASE("copy is a value: what happens to one leaves the other alone") {
  const support::Problem p = support::draw(0);
  const std::size_t half = p.n() / 2;
  Sketch a = absorbed(p.spec, p.keys.rows().slice(0, half));
  const auto before = to_bytes(a);
  Sketch b = a;
  CHECK(difference(to_bytes(b), before) == "");
  heavykeys::streaming::absorb(b, p.keys.rows().slice(half, p.n() - half));
  CHECK(difference(to_bytes(a), before) == "");
  CHECK(difference(to_bytes(b), before) != "");
  a = b;
  CHECK(difference(a, b) == "");
  const Sketch c = std::move(b);
  CHECK(difference(c, a) == "");
  b = a;  // a moved-from sketch can be assigned to
  CHECK(difference(b, c) == "");
}

TEST_CASE("several streams: each has ids of its own, and their order does not matter") {
  for (std::size_t seed = 0; seed < problems; ++seed) {
    const support::Problem p = support::draw(seed);
    INFO(p.name);
    Random random(seed);
    const std::size_t at = random.below(p.n() + 1);
    const support::Matrix& k = p.keys.values();
    const auto part = [&](std::size_t begin, std::size_t count, std::uint64_t stream) {
      auto view = heavykeys::rows(k.row(begin), count, k.cols);
      view.stream = stream;
      return view;
    };
    const std::uint64_t far = std::uint64_t{1} << 40;
    const auto one = part(0, at, 3), two = part(at, p.n() - at, far);
    Sketch s = absorbed(p.spec, one);
    heavykeys::streaming::absorb(s, two);
    Sketch t = absorbed(p.spec, two);
    heavykeys::streaming::absorb(t, one);
    CHECK(difference(s, t) == "");
    CHECK(difference(merged(absorbed(p.spec, one), absorbed(p.spec, two)), s) == "");
    CHECK(s.next_row(3) == at);
    CHECK(s.next_row(far) == p.n() - at);
    CHECK(s.next_row(0) == 0);
    CHECK(s.row_count() == p.n());
    const auto u = finalize(s);
    CHECK(std::ranges::is_sorted(u.ids()));
    for (const auto& id : u.ids()) CHECK(id.row < (id.stream == 3 ? at : p.n() - at));
  }
}

TEST_CASE("the bytes are of the rows' values: float64 keys that are float16 values have float16's bytes") {
  for (std::size_t seed = 0; seed < problems; ++seed) {
    const support::Problem p = support::draw(seed);
    INFO(p.name);
    const support::Buffer wider(p.keys.values(), heavykeys::Dtype::f64);
    CHECK(difference(absorbed(p.spec, wider.rows()), absorbed(p.spec, p.keys.rows())) == "");
  }
}

TEST_CASE("negative zero is zero, also in a block that is not complete") {
  const auto spec = support::make_spec(2, 0.5);
  const double plus[] = {1, 0, 0, 2}, minus[] = {1, -0.0, -0.0, 2};
  CHECK(difference(absorbed(spec, heavykeys::rows(minus, 2, 2)),
                   absorbed(spec, heavykeys::rows(plus, 2, 2))) == "");
}
