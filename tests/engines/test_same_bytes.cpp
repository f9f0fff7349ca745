// The promise: the same bytes from every engine. Engines x threads x push sizes x dtypes x instruction sets x
// dims x kinds of keys x block sizes x order of arrival; every value of each axis meets every value of each
// other.
#include <catch2/catch.hpp>

#include "engines/engine.hpp"
#include "engines/pairwise.hpp"
#include "support/convert.hpp"

using engines::Engine;
using heavykeys::CausalHeavy;
using heavykeys::HeavyEntries;
using heavykeys::Rows;
using heavykeys::Sketch;

namespace {

const std::vector<int> thread_counts = {1, 2, 3, 8};
const std::vector<std::size_t> pushes = {1, 7, 4096, std::size_t{1} << 40};
const std::vector<heavykeys::Dtype> dtypes = {heavykeys::Dtype::f64, heavykeys::Dtype::f32,
                                              heavykeys::Dtype::f16, heavykeys::Dtype::bf16};
const std::vector<std::size_t> dims = {5, 16, 33, 64, 100};
const std::vector<std::size_t> blocks = {64, 4096};

HeavyEntries causal(const Engine& engine, const heavykeys::Spec& spec, const Rows& keys, const Rows& queries,
                    std::size_t push) {
  CausalHeavy pass(spec, queries, keys.count);
  for (const auto& piece : support::every(keys.count, push))
    engine.absorb(pass, keys.slice(piece.begin, piece.length));
  return pass.finish();
}

struct Answers {
  std::vector<std::byte> sketch;
  heavykeys::UniversalSet set;
  HeavyEntries plain;
  HeavyEntries causal;
};

}  // namespace

TEST_CASE("pairwise lists meet every pair") {
  support::Random random(1);
  const std::vector<std::size_t> sizes = {3, 4, 2, 5};
  const auto list = engines::pairwise(sizes, random);
  CHECK(list.size() >= 20);  // 4 x 5
  CHECK(list.size() <= 40);
  std::size_t met = 0;
  std::set<std::tuple<std::size_t, std::size_t, std::size_t, std::size_t>> pairs;
  for (const auto& setting : list) pairs.merge(engines::pairs_of(setting));
  met = pairs.size();
  CHECK(met == 3 * 4 + 3 * 2 + 3 * 5 + 4 * 2 + 4 * 5 + 2 * 5);
}

TEST_CASE(
    "a forced instruction set is the one in use; an unknown one is an error that names those there are") {
  const auto all = heavykeys::available_isas();
  REQUIRE(!all.empty());
  CHECK(all.front() == "portable");
  for (const std::string& name : all) {
    const engines::UsingIsa forced(name);
    CHECK(heavykeys::active_isa() == name);
  }
  const std::string before = heavykeys::active_isa();
  CHECK_THROWS_AS(heavykeys::set_isa("altivec"), heavykeys::BackendError);
  CHECK_THROWS_AS(heavykeys::set_isa(""), heavykeys::BackendError);
  CHECK_THROWS_WITH(heavykeys::set_isa("altivec"), Catch::Contains("altivec") && Catch::Contains("portable"));
  CHECK(heavykeys::active_isa() == before);
}

TEST_CASE(
    "every engine, thread count, push size, dtype, instruction set, dim and order gives the same bytes") {
  const auto schedules = engines::built();
  const auto isas = heavykeys::available_isas();
  support::Random random(42);
  const std::vector<std::size_t> axes = {schedules.size(),        thread_counts.size(), pushes.size(),
                                         dtypes.size(),           isas.size(),          dims.size(),
                                         engines::kinds().size(), blocks.size(),        2};
  std::size_t members = 0, entries = 0;
  for (const engines::Setting& s : engines::pairwise(axes, random)) {
    const Engine engine{schedules[s[0]], thread_counts[s[1]]};
    const std::size_t push = pushes[s[2]], d = dims[s[5]];
    const bool in_order = s[8] == 0;
    const std::size_t n = 9000 + random.below(4000);
    const double epsilon = random.coin() ? 0.125 : 0.05;
    const heavykeys::Spec spec =
        support::make_spec(d, epsilon, heavykeys::default_grid_bits(dtypes[s[3]]), blocks[s[7]]);
    INFO(engine.name() << " push " << push << " " << name_of(dtypes[s[3]]) << " " << isas[s[4]] << " n " << n
                       << " " << engines::kinds()[s[6]] << (in_order ? " in order " : " shuffled ")
                       << to_string(spec));

    const support::Buffer buffer(engines::make_keys(s[6], n, d, epsilon, random), dtypes[s[3]]);
    const support::Buffer asked(engines::make_queries(buffer.values(), 150, random), heavykeys::Dtype::f64);
    const Rows keys = buffer.rows(), queries = asked.rows();

    // The reference: one core, everything at once, no vector instructions.
    Answers expected;
    {
      const engines::UsingIsa portable("portable");
      const Sketch sketch = support::absorbed(spec, keys);
      expected = {to_bytes(sketch), finalize(sketch), {}, {}};
      expected.plain = heavy_entries(expected.set, queries);
      expected.causal = causal({}, spec, keys, queries, n);
    }

    const engines::UsingIsa forced(isas[s[4]]);
    REQUIRE(heavykeys::active_isa() == isas[s[4]]);
    auto pieces = support::every(n, push);
    if (!in_order) random.shuffle(pieces);
    Sketch sketch(spec);
    for (const auto& piece : pieces) engine.absorb(sketch, keys.slice(piece.begin, piece.length));
    CHECK(support::difference(to_bytes(sketch), expected.sketch) == "");
    const auto set = finalize(sketch);
    CHECK(engines::difference(set, expected.set) == "");
    CHECK(engines::difference(engine.heavy_entries(set, queries), expected.plain) == "");
    CHECK(engines::difference(causal(engine, spec, keys, queries, push), expected.causal) == "");
    members += set.size();
    entries += expected.plain.keys.size() + expected.causal.keys.size();
  }
  CHECK(members >= 1000);  // there was something to differ in
  CHECK(entries >= 1000);
}

TEST_CASE("a causal pass with a query for every key is the same from every engine and push size") {
  const std::size_t n = 5000, d = 16;
  support::Random random(5);
  const support::Matrix k = engines::planted(n, d, random);
  const support::Buffer keys(k, heavykeys::Dtype::f32),
      asked(engines::make_queries(k, n + 100, random), heavykeys::Dtype::f32);
  const auto spec = support::make_spec(d, 0.05, 24, 4096);
  const HeavyEntries expected = causal({}, spec, keys.rows(), asked.rows(), n);
  CHECK(expected.keys.size() >= n);
  CHECK(engines::difference(causal({}, spec, keys.rows(), asked.rows(), 1), expected) == "");
  for (const engines::Schedule schedule : engines::built()) {
    const Engine engine{schedule, 3};
    INFO(engine.name());
    CHECK(engines::difference(causal(engine, spec, keys.rows(), asked.rows(), 997), expected) == "");
  }
}

TEST_CASE("threads = 0, all this process may use, has the same bytes") {
  support::Random random(6);
  const support::Buffer keys(engines::planted(9000, 33, random), heavykeys::Dtype::f32);
  const auto spec = support::make_spec(33, 0.05, 24, 256);
  const auto expected = to_bytes(support::absorbed(spec, keys.rows()));
  for (const engines::Schedule schedule : engines::built()) {
    Sketch sketch(spec);
    Engine{schedule, 0}.absorb(sketch, keys.rows());
    CHECK(support::difference(to_bytes(sketch), expected) == "");
  }
}

TEST_CASE("fewer blocks than threads, again and again, has the same bytes") {
  support::Random random(8);
  const support::Buffer keys(engines::planted(128, 4, random), heavykeys::Dtype::f64);
  const auto spec = support::make_spec(4, 0.5, 24, 64);
  const auto expected = to_bytes(support::absorbed(spec, keys.rows()));
  for (const engines::Schedule schedule : engines::built()) {
    const Engine engine{schedule, 8};
    INFO(engine.name());
    std::size_t wrong = 0;
    for (int round = 0; round < 200; ++round) {
      Sketch sketch(spec);
      engine.absorb(sketch, keys.rows());
      wrong += to_bytes(sketch) != expected;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("engines may take turns on one sketch") {
  support::Random random(7);
  const std::size_t n = 9000;
  const support::Buffer keys(engines::planted(n, 16, random), heavykeys::Dtype::f32);
  const auto spec = support::make_spec(16, 0.05, 24, 256);
  const auto schedules = engines::built();
  const auto isas = heavykeys::available_isas();
  Sketch sketch(spec);
  auto pieces = support::cut(n, 40, random);
  random.shuffle(pieces);
  for (const auto& piece : pieces) {
    const engines::UsingIsa forced(random.pick(isas));
    Engine{random.pick(schedules), random.pick(thread_counts)}.absorb(
        sketch, keys.rows().slice(piece.begin, piece.length));
  }
  CHECK(support::difference(sketch, support::absorbed(spec, keys.rows())) == "");
}

#if !HEAVYKEYS_TESTS_TBB
TEST_CASE("an engine that was not built is an error, never a fallback") {
  Sketch sketch(support::make_spec(1, 0.5));
  const double k[] = {1};
  CHECK_THROWS_AS((Engine{engines::Schedule::tbb, 1}.absorb(sketch, heavykeys::rows(k, 1, 1))),
                  heavykeys::Error);
}
#endif
#if !HEAVYKEYS_TESTS_OPENMP
TEST_CASE("OpenMP that was not built is an error, never a fallback") {
  Sketch sketch(support::make_spec(1, 0.5));
  const double k[] = {1};
  CHECK_THROWS_AS((Engine{engines::Schedule::openmp, 1}.absorb(sketch, heavykeys::rows(k, 1, 1))),
                  heavykeys::Error);
}
#endif
