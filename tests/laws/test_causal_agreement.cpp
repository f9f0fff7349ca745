// Causal heavy entries against the oracle: query i of m sees the keys j <= i + (n - m), on the grid of the
// whole stream, and its weights are normalised over those.
#include <catch2/catch.hpp>

#include "heavykeys/parallel.hpp"
#include "laws/agreement.hpp"

namespace {

std::size_t visible(std::size_t i, std::size_t m, std::size_t n) {
  const auto last = static_cast<std::ptrdiff_t>(i + n) - static_cast<std::ptrdiff_t>(m);
  return last < 0 ? 0 : static_cast<std::size_t>(last) + 1;
}

// m queries, cycling through the adversarial ones.
support::Matrix repeated(const support::Matrix& from, std::size_t m) {
  support::Matrix q(m, from.cols);
  for (std::size_t i = 0; i < m; ++i) std::copy_n(from.row(i % from.rows), from.cols, q.row(i));
  return q;
}

heavykeys::HeavyEntries causal(const support::Problem& p, const heavykeys::Rows& queries,
                               const std::vector<support::Piece>& pieces, bool parallel) {
  heavykeys::CausalHeavy pass(p.spec, queries, p.n());
  for (const auto& piece : pieces) {
    const auto keys = p.keys.rows().slice(piece.begin, piece.length);
    if (parallel) {
      heavykeys::parallel::absorb(pass, keys);
    } else {
      pass.absorb(keys);
    }
  }
  return pass.finish();
}

}  // namespace

TEST_CASE("by hand: each query sees the keys up to its own") {
  // one column: keys 1, 1, 2; weights of the prefixes: (1), (1/2 1/2), (1/6 1/6 4/6)
  const double k[] = {1, 1, 2}, q[] = {1, -5, 1e100};
  const auto run = [&](std::size_t first, std::size_t m) {
    heavykeys::CausalHeavy pass(support::make_spec(1, 0.5), heavykeys::rows(q + first, m, 1), 3);
    pass.absorb(heavykeys::rows(k, 3, 1));
    return pass.finish();
  };
  const auto square = run(0, 3);
  CHECK(square.indptr == std::vector<std::int64_t>{0, 1, 3, 4});
  CHECK(square.keys == std::vector<heavykeys::KeyId>{{0, 0}, {0, 0}, {0, 1}, {0, 2}});
  CHECK(square.weights[0] == 1.0);
  CHECK(square.weights[1] == Approx(0.5).epsilon(1e-14));
  CHECK(square.weights[3] == Approx(2.0 / 3).epsilon(1e-14));
  const auto last = run(0, 1);  // m < n: aligned at the end, so the one query sees all keys
  CHECK(last.indptr == std::vector<std::int64_t>{0, 1});
  CHECK(last.keys[0].row == 2);
}

TEST_CASE("by hand: more queries than keys; the first see nothing") {
  const double k[] = {1}, q[] = {1, 1, 1};
  heavykeys::CausalHeavy pass(support::make_spec(1, 1.0), heavykeys::rows(q, 3, 1), 1);
  pass.absorb(heavykeys::rows(k, 1, 1));
  const auto found = pass.finish();
  CHECK(found.indptr == std::vector<std::int64_t>{0, 0, 0, 1});
}

TEST_CASE("no keys at all: every query has no entries") {
  const double q[] = {1, 2};
  heavykeys::CausalHeavy pass(support::make_spec(1, 0.5), heavykeys::rows(q, 2, 1), 0);
  CHECK(pass.finish().indptr == std::vector<std::int64_t>{0, 0, 0});
}

TEST_CASE("a key that is not heavy in the whole may be heavy in a prefix, and is found") {
  std::vector<double> k(100, 1.0), q(100, 1.0);
  heavykeys::CausalHeavy pass(support::make_spec(1, 0.25), heavykeys::rows(q.data(), 100, 1), 100);
  pass.absorb(heavykeys::rows(k.data(), 100, 1));
  const auto found = pass.finish();
  CHECK(found.keys.size() == 1 + 2 + 3 + 4);
  CHECK(finalize(pass.sketch()).size() == 0);
}

TEST_CASE("on adversarial problems causal entries are the oracle's, for m < n, m = n and m > n") {
  std::size_t problems = 0, entries = 0, queries_checked = 0;
  const std::uint64_t first = 20000, count = 10 * support::families().size();
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const support::Problem p = support::draw(seed, {100, 8});
    INFO(p.name);
    support::Random random(seed);
    const agreement::Exact exact(p);
    const std::size_t n = p.n();
    const std::size_t choices[] = {1 + random.below(n), n, n + 1 + random.below(40)};
    const std::size_t m = choices[seed % 3];
    const support::Buffer queries(repeated(agreement::queries(p, exact, random), m),
                                  agreement::query_dtype(random));
    const support::Matrix& q = queries.values();
    CAPTURE(m);
    const auto pieces = support::cut(n, 1 + random.below(5), random);
    const heavykeys::HeavyEntries found = causal(p, queries.rows(), pieces, random.coin());
    REQUIRE(agreement::shape(found, m) == "");
    std::string wrong;
    for (std::size_t i = 0; i < m; ++i) {
      wrong += agreement::entries(found, i, exact.problem.heavy(q.row(i), p.spec.epsilon, visible(i, m, n)));
    }
    CHECK(wrong == "");
    problems += 1;
    queries_checked += m;
    entries += found.keys.size();
  }
  CHECK(problems == count);
  CHECK(queries_checked >= 10000);
  CHECK(entries >= 10000);
}

TEST_CASE(
    "the last query of a causal pass has the entries of the plain one, and the sketch is the plain sketch") {
  for (std::uint64_t seed = 0; seed < 58; ++seed) {
    const support::Problem p = support::draw(seed);
    INFO(p.name);
    support::Random random(seed);
    support::Matrix one(1, p.d());
    for (double& x : one.values) x = random.gaussian();
    const auto query = heavykeys::rows(one.values.data(), 1, p.d());
    heavykeys::CausalHeavy pass(p.spec, query, p.n());
    pass.absorb(p.keys.rows());
    const heavykeys::Sketch plain = support::absorbed(p.spec, p.keys.rows());
    CHECK(support::difference(pass.sketch(), plain) == "");
    const auto all = heavy_entries(finalize(plain), query);
    const auto last = pass.finish();
    CHECK(last.keys == all.keys);
  }
}
