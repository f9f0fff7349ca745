// Every score against exact rational arithmetic (U, and the weights of polynomials) and long double (the
// weights of the others), on every adversarial family.
#include <catch2/catch.hpp>

#include "heavykeys/parallel.hpp"
#include "laws/score_agreement.hpp"

using agreement::Case;
using agreement::Law;
using heavykeys::HeavyOptions;
using heavykeys::Mode;

namespace {

struct Tally {
  std::size_t problems = 0, members = 0, outside = 0, queries = 0, entries = 0;

  // The comparison was not empty.
  void expect(std::size_t least) const {
    CHECK(problems >= least);
    CHECK(members >= 3 * least);
    CHECK(outside >= 3 * least);
    CHECK(queries >= 5 * least);
    CHECK(entries >= 5 * least);
  }
};

// The exact numbers of a lift of degree 3 are long: fewer columns there.
support::Limits small(const Case& c) {
  return c.degrees.back() >= 3 ? support::Limits{40, 3} : support::Limits{60, 4};
}

heavykeys::Sketch sketch_of(const support::Problem& p, support::Random& random) {
  auto pieces = support::cut(p.n(), 1 + random.below(6), random);
  random.shuffle(pieces);
  return support::absorbed(p.spec, p.keys.rows(), pieces);
}

// Entry lists of both modes against the truth of each query over the first visible(i) keys.
template <class Visible, class Find>
void check_entries(const Case& c, const support::Problem& p, const std::vector<double>& gridded,
                   const support::Matrix& q, Visible visible, Find find, Tally& tally) {
  for (const Mode mode : {Mode::no_false_negatives, Mode::no_false_positives}) {
    const heavykeys::HeavyEntries found = find(HeavyOptions{mode, 0.0});
    REQUIRE(agreement::shape(found, q.rows) == "");
    std::string wrong;
    for (std::size_t i = 0; i < q.rows; ++i) {
      const oracle::Dots x = oracle::dots(gridded, p.n(), p.d(), q.row(i));
      if (c.is_custom() && !agreement::within_custom_range(x)) continue;
      if (c.law == Law::closed) {
        wrong += agreement::entries(found, i, heavy(x, c.coefficients, p.spec.epsilon, visible(i)));
      } else {
        const auto weights = agreement::true_weights(c, x, visible(i));
        wrong += agreement::intervals(found, i, weights, p.spec.epsilon, mode);
      }
      tally.queries += 1;
    }
    CAPTURE(static_cast<int>(mode));
    CHECK(wrong == "");
    tally.entries += found.keys.size();
  }
}

void check(const Case& c, std::uint64_t seed, const support::Limits& limits, Tally& tally) {
  const support::Problem p = agreement::draw(c, seed, limits);
  INFO(p.name);
  support::Random random(seed + 77);
  const agreement::Exact exact(p);
  const oracle::Lifted lifted(exact.gridded, p.n(), p.d(), c.degrees);
  const heavykeys::UniversalSet set = finalize(sketch_of(p, random));
  CHECK(agreement::universal(c, p, exact.gridded, lifted, set) == "");
  tally.problems += 1;
  tally.members += set.size();
  tally.outside += p.n() - std::min(p.n(), set.size());
  const support::Buffer queries(agreement::queries_of_any_size(p, exact, random),
                                agreement::query_dtype(random));
  check_entries(
      c, p, exact.gridded, queries.values(), [&](std::size_t) { return p.n(); },
      [&](const HeavyOptions& options) { return heavy_entries(set, queries.rows(), options); }, tally);
}

}  // namespace

TEST_CASE("by hand: x^4 in one column") {
  // keys 1, 2, 1: fourth powers 1, 16, 1 of 18
  const double k[] = {1, 2, 1}, q[] = {-3};
  auto spec = support::make_spec(1, 0.05);
  spec.score = heavykeys::Score::power(4);
  const auto set = finalize(support::absorbed(spec, heavykeys::rows(k, 3, 1)));
  CHECK(agreement::rows_of(set) == std::vector<std::size_t>{0, 1, 2});
  const auto found = heavy_entries(set, heavykeys::rows(q, 1, 1));
  REQUIRE(found.keys.size() == 3);
  CHECK(found.weights[1] == Approx(16.0 / 18).epsilon(1e-14));
  spec.epsilon = 0.06;
  CHECK(agreement::rows_of(finalize(support::absorbed(spec, heavykeys::rows(k, 3, 1)))) ==
        std::vector<std::size_t>{1});
}

TEST_CASE("by hand: expressive attention sees a small key behind a great one") {
  // q = 1: f = 1/(1 + 10^-6), 1/2: the key 1 has a third of the weight, and one millionth of the squares
  std::vector<double> k(40, 0.0), q = {1};
  k[0] = 1000;
  k[39] = 1;  // a block of its own
  auto spec = support::make_spec(1, 0.25);
  CHECK(finalize(support::absorbed(spec, heavykeys::rows(k.data(), 40, 1))).size() == 1);
  spec.score = heavykeys::Score::expressive();
  const auto set = finalize(support::absorbed(spec, heavykeys::rows(k.data(), 40, 1)));
  CHECK(agreement::rows_of(set) == std::vector<std::size_t>{0, 39});
  const auto found = heavy_entries(set, heavykeys::rows(q.data(), 1, 1));
  REQUIRE(found.keys.size() == 2);  // all that is not zero is in U: nothing is left to bound
  CHECK(found.weights[0] == Approx(2.0 / 3).epsilon(1e-5));
  CHECK(found.upper[0] - found.lower[0] <= 1e-9);
  CHECK(found.weights[1] == Approx(1.0 / 3).epsilon(1e-5));
}

TEST_CASE("by hand: f(0) > 0 makes zero keys heavy among few, and not among many") {
  std::vector<double> k(9, 0.0), q = {1};
  auto spec = support::make_spec(1, 0.25);
  spec.score = heavykeys::Score::polynomial({0.25, 1});
  const auto few = finalize(support::absorbed(spec, heavykeys::rows(k.data(), 4, 1)));
  CHECK(few.size() == 4);
  const auto found = heavy_entries(few, heavykeys::rows(q.data(), 1, 1));
  REQUIRE(found.keys.size() == 4);  // 1/4 each: ties
  for (double w : found.weights) CHECK(w == Approx(0.25).epsilon(1e-14));
  CHECK(finalize(support::absorbed(spec, heavykeys::rows(k.data(), 9, 1))).size() == 0);
}

TEST_CASE("by hand: a query orthogonal to every key has no entries, whatever the score, unless f(0) > 0") {
  const double k[] = {1, 1, 2, 2}, q[] = {1, -1};
  for (const Case& c : scores::all()) {
    INFO(c.name());
    auto spec = support::make_spec(2, 0.5);
    spec.score = c.score;
    const auto found =
        heavy_entries(finalize(support::absorbed(spec, heavykeys::rows(k, 2, 2))), heavykeys::rows(q, 1, 2));
    CHECK(found.keys.size() == (c.f(0) > 0 ? 2 : 0));
  }
}

TEST_CASE("by hand: the only key has the weight 1, however small the query") {
  const double k[] = {1}, q[] = {1, 1e-150, 1e-200, 1e-300};
  for (const Case& c : scores::all()) {
    if (c.is_custom()) continue;  // a function of double may underflow
    INFO(c.name());
    auto spec = support::make_spec(1, 0.5);
    spec.score = c.score;
    const auto found =
        heavy_entries(finalize(support::absorbed(spec, heavykeys::rows(k, 1, 1))), heavykeys::rows(q, 4, 1));
    CHECK(found.indptr == std::vector<std::int64_t>{0, 1, 2, 3, 4});
    for (double w : found.weights) CHECK(w == Approx(1).epsilon(1e-10));
  }
}

TEST_CASE("every score: U and the heavy entries are what the law says") {
  for (const Case& c : scores::all()) {
    DYNAMIC_SECTION(c.name()) {
      Tally tally;
      const std::size_t rounds = c.degrees.back() >= 3 ? 3 : 8;
      for (std::uint64_t seed = 0; seed < rounds * support::families().size(); ++seed) {
        check(c, 40000 + seed, small(c), tally);
      }
      tally.expect(rounds * support::families().size());
      WARN(c.name() << ": " << tally.problems << " problems, " << tally.members << " members, "
                    << tally.outside << " outside, " << tally.queries << " queries, " << tally.entries
                    << " entries");
    }
  }
}

TEST_CASE("every score: long streams, of many blocks and prunings") {
  for (const Case& c : scores::all()) {
    DYNAMIC_SECTION(c.name()) {
      for (std::uint64_t seed = 41010; seed < 41010 + 2 * support::families().size(); ++seed) {
        // Families of the widest ranges make the oracle's numbers too long for so many rows.
        const std::string& family = support::families()[seed % support::families().size()].name;
        if (family == "whole_range" || family == "growing") continue;
        const support::Problem p = agreement::draw(c, seed, {4000, c.degrees.back() >= 2 ? 2u : 3u});
        INFO(p.name);
        support::Random random(seed);
        const auto gridded =
            oracle::grid(p.keys.values().values, p.n(), p.d(), p.spec.block_rows, p.spec.grid_bits);
        const oracle::Lifted lifted(gridded, p.n(), p.d(), c.degrees);
        CHECK(agreement::universal(c, p, gridded, lifted, finalize(sketch_of(p, random))) == "");
      }
    }
  }
}

TEST_CASE("every score: causal entries are those of the prefix") {
  for (const Case& c : scores::all()) {
    DYNAMIC_SECTION(c.name()) {
      Tally tally;
      for (std::uint64_t seed = 0; seed < 4 * support::families().size(); ++seed) {
        const support::Problem p = agreement::draw(c, 42000 + seed, {60, c.degrees.back() >= 3 ? 2u : 4u});
        INFO(p.name);
        support::Random random(seed);
        const agreement::Exact exact(p);
        const support::Buffer queries(agreement::queries_of_any_size(p, exact, random),
                                      agreement::query_dtype(random));
        const std::size_t m = queries.values().rows, n = p.n();
        const auto visible = [&](std::size_t i) { return i + n < m ? 0 : std::min(n, i + n - m + 1); };
        const auto find = [&](const HeavyOptions& options) {
          heavykeys::CausalHeavy pass(p.spec, queries.rows(), n, options);
          for (const auto& piece : support::cut(n, 3, random)) {
            pass.absorb(p.keys.rows().slice(piece.begin, piece.length));
          }
          CHECK(support::difference(pass.sketch(), support::absorbed(p.spec, p.keys.rows())) == "");
          return pass.finish();
        };
        const heavykeys::HeavyEntries found = find({}), certain = find({.mode = Mode::no_false_positives});
        REQUIRE(agreement::shape(found, m) == "");
        REQUIRE(agreement::shape(certain, m) == "");
        std::string wrong;
        for (std::size_t i = 0; i < m; ++i) {
          const oracle::Dots x = oracle::dots(exact.gridded, n, p.d(), queries.values().row(i));
          if (c.is_custom() && !agreement::within_custom_range(x)) continue;
          if (c.law == Law::closed) {
            wrong += agreement::entries(found, i, heavy(x, c.coefficients, p.spec.epsilon, visible(i)));
          } else {
            const auto truth = agreement::true_weights(c, x, visible(i));
            wrong += agreement::intervals(found, i, truth, p.spec.epsilon, Mode::no_false_negatives);
            wrong += agreement::intervals(certain, i, truth, p.spec.epsilon, Mode::no_false_positives);
          }
          tally.queries += 1;
        }
        CHECK(wrong == "");
        tally.entries += found.keys.size();
      }
      CHECK(tally.queries >= 300);
      CHECK(tally.entries >= 300);
    }
  }
}
