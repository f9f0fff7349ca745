// A verification is a function of the SET of rows absorbed, as the scans inside it.
#include <catch2/catch.hpp>
#include <cmath>

#include "engines/engine.hpp"
#include "laws/shards.hpp"
#include "lib/verification_state.hpp"
#include "support/problems.hpp"

namespace {

using heavykeys::HeavyEntries;
using heavykeys::Incompatible;
using heavykeys::InvalidInput;
using heavykeys::Rows;
using heavykeys::ScanOptions;
using heavykeys::Score;
using heavykeys::Spec;
using heavykeys::Verification;
using namespace heavykeys::detail;

/// A first pass that knows nothing: two of three queries have an entry that says so, the third is decided.
HeavyEntries make_found(std::size_t queries) {
  HeavyEntries found;
  found.indptr = {0};
  for (std::size_t i = 0; i < queries; ++i) {
    found.keys.push_back({0, 0});
    found.weights.push_back(0.5);
    found.lower.push_back(i % 3 == 2 ? 0.5 : 0.0);
    found.upper.push_back(i % 3 == 2 ? 0.5 : 1.0);
    found.indptr.push_back(static_cast<std::int64_t>(i + 1));
  }
  return found;
}

struct Case {
  Spec spec;
  HeavyEntries found;
  Rows queries, keys;
  ScanOptions options;

  Verification pass() const { return Verification(spec, found, queries, options); }
  HeavyEntries whole() const {
    Verification all = pass();
    all.absorb(keys);
    return all.finish();
  }
};

template <class Check>
void for_cases(std::size_t n, std::size_t d, std::size_t block_rows, const Check& check) {
  support::Random random(n + d);
  const support::Buffer keys(engines::planted(n, d, random), heavykeys::Dtype::f32);
  const support::Buffer queries(engines::make_queries(keys.values(), 40, random), heavykeys::Dtype::f64);
  for (const Score& score : {Score::power(1.37), Score::power(3), Score::expressive(),
                             Score::custom(
                                 "log", [](double x) { return std::log1p(x * x); }, 2)}) {
    for (const bool causal : {false, true}) {
      Case c{support::make_spec(d, 2.0 / static_cast<double>(n), 20, block_rows),
             make_found(40),
             queries.rows(),
             keys.rows(),
             {.causal = causal, .key_count = n}};
      c.spec.score = score;
      CAPTURE(score.name(), causal, n, d, block_rows);
      check(c, random);
    }
  }
}

/// As ranks would, with the rows that wait at rank 0.
HeavyEntries brought_together(std::vector<Verification> passes) {
  VerificationState& root = VerificationAccess::state(passes[0]);
  for (std::size_t r = 1; r < passes.size(); ++r) {
    VerificationState& rank = VerificationAccess::state(passes[r]);
    rank.coverage = complete_rows(rank.coverage, rank.fragments);
    for (const auto& [first, run] : rank.fragments) passes[0].absorb(run.view(first.row, first.stream));
    rank.fragments.clear();
  }
  CHECK(root.fragments.empty());
  for (std::size_t r = 1; r < passes.size(); ++r) {
    VerificationState& rank = VerificationAccess::state(passes[r]);
    for (std::size_t run = 0; run < root.runs.size(); ++run) {
      root.runs[run].pass.begin();
      root.runs[run].pass.merge(rank.runs[run].pass);
      root.runs[run].pass.commit();
    }
    root.coverage.add(rank.coverage);
  }
  return passes[0].finish();
}

}  // namespace

TEST_CASE("any shards of a verification, in any order and merge tree, end in the same bytes") {
  const auto check = [](const Case& c, support::Random& random) {
    const HeavyEntries want = c.whole();
    REQUIRE(want.keys.size() > 100);
    const auto make = [&] { return c.pass(); };
    for (const std::size_t count : {1u, 4u}) {
      Verification all = shards::merged(shards::absorbed(make, c.keys, count, random), random);
      CHECK(all.row_count() == c.keys.count);
      CHECK(engines::difference(all.finish(), want) == "");
      CHECK(engines::difference(brought_together(shards::absorbed(make, c.keys, count, random)), want) == "");
    }
  };
  for_cases(1300, 600, 64, check);    // batches of 256 rows
  for_cases(3000, 300, 1024, check);  // of 1024
  for_cases(9500, 3, 16, check);      // of 4096
}

TEST_CASE("verifications that do not belong together do not merge, and stay as they were") {
  for_cases(700, 3, 64, [](const Case& c, support::Random&) {
    Verification pass = c.pass();
    pass.absorb(c.keys.slice(0, 300));
    Case other = c;
    other.spec.epsilon /= 2;
    CHECK_THROWS_AS(merge(pass, other.pass()), Incompatible);
    other = c;
    other.found.weights[0] = 0.25;
    CHECK_THROWS_AS(merge(pass, other.pass()), Incompatible);
    other = c;
    other.options.mode = heavykeys::Mode::no_false_positives;
    CHECK_THROWS_AS(merge(pass, other.pass()), Incompatible);
    Verification rest = c.pass();
    rest.absorb(c.keys.slice(299, 401));
    CHECK_THROWS_WITH(merge(pass, rest), Catch::Contains("row 299 of stream 0 are in both"));
    CHECK_THROWS_WITH(pass.finish(), Catch::Contains("300 of 700 keys"));
    CHECK_THROWS_AS(pass.absorb(c.keys.slice(200, 10)), Incompatible);
    const double past[3] = {};
    CHECK_THROWS_AS(pass.absorb(heavykeys::rows(past, 1, 3, 700)), InvalidInput);
    Verification end = c.pass();
    end.absorb(c.keys.slice(300, 400));
    merge(pass, end);
    CHECK(engines::difference(pass.finish(), c.whole()) == "");
  });
}
