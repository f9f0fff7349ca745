// The second pass against brute force in long double on the gridded keys, and against itself by every cut.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "engines/engine.hpp"
#include "heavykeys/heavykeys.hpp"
#include "laws/scan_truth.hpp"
#include "lib/verification_queries.hpp"
#include "oracle/oracle.hpp"
#include "support/problems.hpp"

namespace {

using heavykeys::HeavyEntries;
using heavykeys::InvalidInput;
using heavykeys::Rows;
using heavykeys::ScanOptions;
using heavykeys::Score;
using heavykeys::Spec;
using heavykeys::Verification;

/// Scores whose weights the first pass knows only as intervals.
Score open_score(std::size_t kind) {
  switch (kind % 7) {
    case 0:
      return Score::power(1);
    case 1:
      return Score::power(0.5);
    case 2:
      return Score::power(3);
    case 3:
      return Score::power(2.3);
    case 4:
      return Score::power(11);  // past every lift: Lewis weights
    case 5:
      return Score::expressive();
    default:
      return Score::custom(
          "log", [](double x) { return std::log1p(x * x); }, 2);
  }
}

/// As a first pass that knows less would find them: nothing of every other query's weights.
HeavyEntries weakened(HeavyEntries found) {
  for (std::size_t i = 1; i < found.query_count(); i += 2) {
    for (auto e = static_cast<std::size_t>(found.indptr[i]);
         e < static_cast<std::size_t>(found.indptr[i + 1]); ++e) {
      found.lower[e] = 0.0;
      found.upper[e] = 1.0;
    }
  }
  return found;
}

HeavyEntries first_pass(const Spec& spec, const Rows& queries, const Rows& keys, bool causal) {
  if (!causal) return heavy_entries(finalize(support::absorbed(spec, keys)), queries);
  heavykeys::CausalHeavy pass(spec, queries, keys.count);
  pass.absorb(keys);
  return pass.finish();
}

support::Matrix gridded(const Spec& spec, const support::Matrix& keys) {
  return {keys.rows, keys.cols,
          oracle::grid(keys.values, keys.rows, keys.cols, spec.block_rows, spec.grid_bits)};
}

HeavyEntries verified(const Spec& spec, const HeavyEntries& found, const Rows& queries, const Rows& keys,
                      const ScanOptions& options, const engines::Engine& engine,
                      const std::vector<support::Piece>& pieces) {
  Verification pass(spec, found, queries, options);
  for (const support::Piece& piece : pieces) {
    REQUIRE(pass.next_row() == piece.begin);
    engine.absorb(pass, keys.slice(piece.begin, piece.length));
  }
  return pass.finish();
}

std::size_t entry_count(const HeavyEntries& entries, std::size_t i) {
  return static_cast<std::size_t>(entries.indptr[i + 1] - entries.indptr[i]);
}

bool same_query(const HeavyEntries& a, const HeavyEntries& b, std::size_t i) {
  HeavyEntries of_a, of_b;
  of_a.indptr = of_b.indptr = {0};
  heavykeys::detail::append(of_a, a, i);
  heavykeys::detail::append(of_b, b, i);
  return engines::difference(of_a, of_b).empty();
}

/// What is wrong with query i of a verified list.
std::string check_query(const HeavyEntries& all, const HeavyEntries& found, std::size_t i, bool undecided,
                        const std::vector<truth::Real>& weights, double epsilon) {
  if (undecided) return truth::difference(all, i, weights, epsilon, 1e-14L);
  if (!same_query(all, found, i)) return " query " + std::to_string(i) + " was decided, and changed";
  std::string wrong;
  std::size_t heavy = 0;
  for (const truth::Real w : weights) heavy += w >= epsilon * (1 + 1e-14L);
  if (heavy > entry_count(all, i)) wrong += " query " + std::to_string(i) + " misses a heavy key";
  for (auto e = static_cast<std::size_t>(all.indptr[i]); e < static_cast<std::size_t>(all.indptr[i + 1]);
       ++e) {
    if (!(std::fabs(all.weights[e] - weights[all.keys[e].row]) <= 1e-10L)) wrong += " a weight is off";
  }
  return wrong;
}

}  // namespace

TEST_CASE("on adversarial keys verified entries are those of brute force on the gridded keys") {
  std::size_t entries = 0, scanned = 0, kept = 0;
  for (std::uint64_t seed = 0; seed < 14 * support::families().size(); ++seed) {
    support::Problem p = support::draw(seed, {100, 6});
    support::Random random(seed);
    p.spec.score = open_score(seed / support::families().size());
    const auto huge = [](double x) { return std::fabs(x) > 1e100; };
    const bool out_of_range = std::ranges::any_of(p.keys.values().values, huge);  // for a custom score
    if (out_of_range && p.spec.score.kind == Score::Kind::custom) p.spec.score = Score::expressive();
    const bool causal = random.coin();
    const support::Buffer queries(engines::make_queries(p.keys.values(), 9, random), heavykeys::Dtype::f64);
    const support::Matrix& q = queries.values();
    INFO(p.name + " " + p.spec.score.name() + (causal ? " causal" : ""));
    const HeavyEntries found = weakened(first_pass(p.spec, queries.rows(), p.keys.rows(), causal));
    const ScanOptions options{.causal = causal, .key_count = p.n()};
    Verification pass(p.spec, found, queries.rows(), options);
    pass.absorb(p.keys.rows());
    const HeavyEntries all = pass.finish();
    REQUIRE(all.query_count() == q.rows);
    const auto undecided = heavykeys::detail::undecided_queries(found, p.spec.epsilon);
    const support::Matrix keys = gridded(p.spec, p.keys.values());
    std::string wrong;
    for (std::size_t i = 0; i < q.rows; ++i) {
      const std::size_t sees = causal ? truth::visible(i, q.rows, keys.rows) : keys.rows;
      const auto weights = truth::weights(p.spec.score, q.row(i), keys, sees);
      const bool was_scanned = std::binary_search(undecided.begin(), undecided.end(), i);
      wrong += check_query(all, found, i, was_scanned, weights, p.spec.epsilon);
      (was_scanned ? scanned : kept) += 1;
    }
    CHECK(wrong == "");
    entries += all.keys.size();
  }
  CAPTURE(entries, scanned, kept);
  CHECK(entries >= 1000);
  CHECK(scanned >= 500);
  CHECK(kept >= 100);
}

TEST_CASE("a verification's bytes depend on neither pushes nor threads") {
  constexpr std::size_t kKeys = 700, kQueries = 90, kDim = 5;
  for (const bool causal : {false, true}) {
    for (const heavykeys::Dtype dtype : {heavykeys::Dtype::f32, heavykeys::Dtype::bf16}) {
      for (std::size_t kind = 0; kind < 7; ++kind) {
        support::Random random(kind + 1);
        Spec spec = support::make_spec(kDim, 1.0 / kKeys, 20, 64);  // no weight is always below the mean
        spec.score = open_score(kind);
        const support::Buffer keys(engines::planted(kKeys, kDim, random), dtype);
        const support::Buffer queries(engines::make_queries(keys.values(), kQueries, random), dtype);
        const ScanOptions options{.causal = causal, .key_count = kKeys};
        const HeavyEntries found = weakened(first_pass(spec, queries.rows(), keys.rows(), causal));
        CAPTURE(spec.score.name(), causal);
        REQUIRE(Verification(spec, found, queries.rows(), options).needed());
        const HeavyEntries want =
            verified(spec, found, queries.rows(), keys.rows(), options, {}, {{0, kKeys}});
        for (const engines::Schedule schedule : engines::built()) {
          for (const std::size_t length :
               {std::size_t{1}, std::size_t{63}, std::size_t{64}, std::size_t{300}}) {
            const engines::Engine engine{schedule, schedule == engines::Schedule::streaming ? 1 : 3};
            INFO(engine.name() + ", rows at a time: " + std::to_string(length));
            CHECK(engines::difference(verified(spec, found, queries.rows(), keys.rows(), options, engine,
                                               support::every(kKeys, length)),
                                      want) == "");
          }
        }
      }
    }
  }
}

TEST_CASE("closed forms need no second pass, and neither does a list without entries") {
  support::Random random(5);
  const support::Buffer keys(engines::planted(300, 4, random), heavykeys::Dtype::f32);
  const support::Buffer queries(engines::make_queries(keys.values(), 20, random), heavykeys::Dtype::f32);
  for (const Score& score : {Score::power(2), Score::power(4), Score::power(6),
                             Score::polynomial({0.0, 1.0, 0.5}), Score::polynomial({2.0, 0.0, 1.0})}) {
    Spec spec = support::make_spec(4, 0.05);
    spec.score = score;
    for (const bool causal : {false, true}) {
      const HeavyEntries found = first_pass(spec, queries.rows(), keys.rows(), causal);
      REQUIRE(found.keys.size() > 0);
      Verification pass(spec, found, queries.rows(), {.causal = causal, .key_count = 300});
      CHECK(!pass.needed());
      CHECK(pass.undecided_count() == 0);
      CHECK(engines::difference(pass.finish(), found) == "");
    }
  }
  Spec spec = support::make_spec(4, 1.0);
  spec.score = Score::expressive();
  const HeavyEntries none = first_pass(spec, queries.rows(), keys.rows(), false);
  REQUIRE(none.keys.empty());
  Verification pass(spec, none, queries.rows(), {.key_count = 300});
  CHECK(!pass.needed());
  pass.absorb(keys.rows());  // allowed, and of no use
  CHECK(pass.next_row() == 300);
  CHECK(pass.finish() == none);
}

TEST_CASE("undecided queries far apart are verified in at most sixteen runs") {
  using heavykeys::detail::query_runs;
  std::vector<std::size_t> apart, together;
  for (std::size_t i = 0; i < 100; ++i) {
    apart.push_back(3 + 50 * i + i * i);  // gaps that grow
    together.push_back(7 + 16 * i);
  }
  const auto runs = query_runs(apart);
  REQUIRE(runs.size() == 16);
  CHECK(runs.front().begin == 3);
  CHECK(runs.back().begin == apart.back());  // the widest gaps are the last
  CHECK(runs.back().end == apart.back() + 1);
  for (std::size_t r = 1; r < runs.size(); ++r) CHECK(runs[r - 1].end + 16 <= runs[r].begin);
  const auto one = query_runs(together);
  REQUIRE(one.size() == 1);
  CHECK(one[0].begin == 7);
  CHECK(one[0].end == together.back() + 1);

  // Queries that are zero see f = 0 everywhere and are decided: every 40th is not.
  constexpr std::size_t kCount = 900;
  support::Random random(11);
  Spec spec = support::make_spec(3, 0.05, 24, 64);
  spec.score = Score::power(1);
  const support::Buffer keys(engines::planted(kCount, 3, random), heavykeys::Dtype::f64);
  support::Matrix q(kCount - 50, 3);
  for (std::size_t i = 5; i < q.rows; i += 40) {
    for (std::size_t c = 0; c < 3; ++c) q(i, c) = random.gaussian();
  }
  const Rows queries = heavykeys::rows(q.values.data(), q.rows, 3);
  const HeavyEntries found = weakened(first_pass(spec, queries, keys.rows(), true));
  Verification pass(spec, found, queries, {.causal = true, .key_count = kCount});
  REQUIRE(pass.undecided_count() > 16);
  for (const auto& piece : support::every(kCount, 100))
    pass.absorb(keys.rows().slice(piece.begin, piece.length));
  const HeavyEntries all = pass.finish();
  const support::Matrix grid = gridded(spec, keys.values());
  std::string wrong;
  for (std::size_t i = 0; i < q.rows; ++i) {
    const auto weights = truth::weights(spec.score, q.row(i), grid, truth::visible(i, q.rows, kCount));
    const bool decided = entry_count(found, i) == 0;
    wrong += check_query(all, found, i, !decided, weights, spec.epsilon);
  }
  CHECK(wrong == "");
}

TEST_CASE("the mode decides what straddles epsilon") {
  // f = |x|: the weights are 1/4 each, and epsilon is 1/4: ties, which one pass cannot tell from misses.
  const double keys[] = {1, -1, 1, 1}, query[] = {3.0};
  Spec spec = support::make_spec(1, 0.25);
  spec.score = Score::power(1);
  const HeavyEntries found =
      first_pass(spec, heavykeys::rows(query, 1, 1), heavykeys::rows(keys, 4, 1), false);
  REQUIRE(found.keys.size() == 4);
  for (const auto mode : {heavykeys::Mode::no_false_negatives, heavykeys::Mode::no_false_positives}) {
    Verification pass(spec, found, heavykeys::rows(query, 1, 1), {.key_count = 4, .mode = mode});
    CHECK(pass.needed());  // membership is in doubt
    pass.absorb(heavykeys::rows(keys, 4, 1));
    const HeavyEntries all = pass.finish();
    for (std::size_t e = 0; e < all.keys.size(); ++e) {
      CHECK(all.upper[e] - all.lower[e] <= 1e-10);
      if (mode == heavykeys::Mode::no_false_positives) CHECK(all.lower[e] >= 0.25);
    }
    if (mode == heavykeys::Mode::no_false_negatives) CHECK(all.keys.size() == 4);
  }
}

TEST_CASE("a verification refuses what it cannot serve, and what came before stays") {
  support::Random random(3);
  Spec spec = support::make_spec(2, 0.1);
  spec.score = Score::expressive();
  const support::Buffer keys(engines::planted(50, 2, random), heavykeys::Dtype::f64);
  const support::Buffer asked(engines::make_queries(keys.values(), 4, random), heavykeys::Dtype::f64);
  const Rows queries = asked.rows(), rows = keys.rows();
  const HeavyEntries found{{0, 1, 1, 2, 2}, {{0, 3}, {0, 9}}, {0.5, 0.3}, {0.2, 0.1}, {0.8, 0.4}};
  const ScanOptions options{.key_count = 50};
  REQUIRE(Verification(spec, found, queries, options).needed());
  const auto refused = [](auto&& action) {
    try {
      action();
    } catch (const InvalidInput& error) {
      return std::string(error.what());
    }
    return std::string("nothing was thrown");
  };
  const auto make = [&](const Spec& s, const HeavyEntries& f, const Rows& q, const ScanOptions& o) {
    return refused([&] { Verification(s, f, q, o); });
  };
  SECTION("when it is made") {
    HeavyEntries other = found;
    other.keys.front().stream = 7;
    CHECK_THAT(make(spec, other, queries, options),
               Catch::Contains("stream 7; a verification reads stream 0"));
    CHECK_THAT(make(spec, found, queries, {}), Catch::Contains("sees 0 rows"));
    CHECK_THAT(make(spec, found, queries.slice(0, 3), options), Catch::Contains("entries of 4 queries"));
    other = found;
    other.upper.pop_back();
    CHECK_THAT(make(spec, other, queries, options), Catch::Contains("not whole"));
    other = found;
    other.indptr.back() += 1;
    CHECK_THAT(make(spec, other, queries, options), Catch::Contains("not whole"));
    HeavyEntries unseen{{0, 1, 1, 1, 1}, {{0, 47}}, {0.5}, {0.2}, {0.8}};  // query 0 sees rows 0 .. 46
    CHECK_THAT(make(spec, unseen, queries, {.causal = true, .key_count = 50}), Catch::Contains("row 47"));
    Spec tiny = spec;
    tiny.epsilon = 1e-70;
    CHECK_THAT(make(tiny, found, queries, options), Catch::Contains("1e-60"));
    Spec softmax = spec;
    softmax.score = Score::softmax();
    CHECK_THAT(make(softmax, found, queries, options), Catch::Contains("softmax"));
    const double nan[] = {0, 0, 0, 0, 0, 0, 0, std::nan("")};
    CHECK_THAT(make(spec, found, heavykeys::rows(nan, 4, 2), options), Catch::Contains("row 3, column 1"));
  }
  SECTION("when keys come") {
    const HeavyEntries want = verified(spec, found, queries, rows, options, {}, {{0, 50}});
    Verification pass(spec, found, queries, options);
    pass.absorb(rows.slice(0, 20));
    CHECK_THROWS_WITH(pass.absorb(rows.slice(19, 5)), Catch::Contains("row 19 of stream 0"));
    CHECK_THAT(refused([&] { pass.absorb(keys.rows(20, 1).slice(0, 5)); }), Catch::Contains("stream 1"));
    const support::Buffer wide(support::Matrix(5, 3), heavykeys::Dtype::f64);
    CHECK_THAT(refused([&] { pass.absorb(wide.rows(20)); }), Catch::Contains("3 columns"));
    CHECK_THAT(refused([&] { pass.absorb(keys.rows(20)); }), Catch::Contains("more than the 50 keys"));
    const double bad[] = {1, 2, 3, HUGE_VAL};
    CHECK_THAT(refused([&] { pass.absorb(heavykeys::rows(bad, 2, 2, 20)); }), Catch::Contains("row 21"));
    CHECK_THAT(refused([&] { pass.finish(); }), Catch::Contains("20 of 50 keys"));
    CHECK(pass.next_row() == 20);
    pass.absorb(rows.slice(20, 30));
    CHECK(engines::difference(pass.finish(), want) == "");
    CHECK_THAT(refused([&] { pass.finish(); }), Catch::Contains("taken before"));
    CHECK_THAT(refused([&] { pass.absorb(keys.rows(50)); }), Catch::Contains("taken"));
  }
}
