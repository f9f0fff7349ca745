// What does not belong together is refused on every rank alike, and no sketch is changed.
#include <catch2/catch.hpp>

#include "distributed/law.hpp"

using heavykeys::Rows;
using heavykeys::Score;
using heavykeys::Sketch;
using heavykeys::Spec;
using world::Communicator;

namespace {

using Verb = std::function<void(Communicator&, Sketch&)>;

/// The collective verbs that merge sketches.
std::vector<std::pair<std::string, Verb>> verbs(int ranks) {
  using namespace heavykeys::distributed;
  return {{"allmerge", [](Communicator& c, Sketch& s) { allmerge(c, s); }},
          {"merge to 0", [](Communicator& c, Sketch& s) { merge(c, s, 0); }},
          {"merge to the last", [=](Communicator& c, Sketch& s) { merge(c, s, ranks - 1); }},
          {"prefix", [](Communicator& c, Sketch& s) { prefix(c, s); }}};
}

/// On this rank the verb throws Incompatible with all of these in the text, and the bytes stay.
std::string refused(Communicator& comm, const Verb& verb, Sketch& sketch,
                    const std::vector<std::string>& parts) {
  const auto before = to_bytes(sketch);
  const std::string text = law::thrown([&] { verb(comm, sketch); });
  if (!text.starts_with("Incompatible ")) return "threw '" + text + "'";
  for (const std::string& part : parts) {
    if (text.find(part) == std::string::npos) return "no '" + part + "' in '" + text + "'";
  }
  if (to_bytes(sketch) != before) return "the sketch has changed";
  // All ranks have the same text, and are in step.
  const auto texts = comm.gather(std::as_bytes(std::span(text.data(), text.size())));
  for (const auto& other : texts) {
    if (other != texts[0]) return "ranks throw different texts, one of them '" + text + "'";
  }
  return {};
}

double twice(double x) { return 1 + x * x; }
double once(double x) { return x * x; }

Score polynomial(double c) { return Score::polynomial({0, 1, c}); }

}  // namespace

TEST_CASE("Specs that differ in any field are refused on every rank, with both values in the text") {
  struct Difference {
    std::string name;
    std::function<void(Spec&)> a, b;
    std::vector<std::string> parts;
  };
  const auto scored = [](const Score& score) { return [=](Spec& s) { s.score = score; }; };
  const std::vector<Difference> all = {
      {"dim", [](Spec& s) { s.dim = 3; }, [](Spec& s) { s.dim = 4; }, {"dim=3", "dim=4"}},
      {"epsilon",
       [](Spec& s) { s.epsilon = 0.25; },
       [](Spec& s) { s.epsilon = std::nextafter(0.25, 1); },
       {"epsilon=0.25 ", "epsilon=0.25000000000000006"}},
      {"grid_bits",
       [](Spec& s) { s.grid_bits = 20; },
       [](Spec& s) { s.grid_bits = 24; },
       {"grid_bits=20", "grid_bits=24"}},
      {"block_rows",
       [](Spec& s) { s.block_rows = 16; },
       [](Spec& s) { s.block_rows = 32; },
       {"block_rows=16", "block_rows=32"}},
      {"sample_rows",
       [](Spec& s) { s.sample_rows = 7; },
       [](Spec& s) { s.sample_rows = 8; },
       {"sample_rows=7", "sample_rows=8"}},
      {"seed",
       [](Spec& s) { s.seed = 5; },
       [](Spec& s) { s.seed = ~std::uint64_t{0}; },
       {"seed=5", "seed=18446744073709551615"}},
      {"score", scored(Score::power(2)), scored(Score::power(4)), {"power:2", "power:4"}},
      {"kind", scored(Score::power(2)), scored(Score::expressive()), {"power:2", "expressive"}},
      {"coefficient", scored(polynomial(0.5)), scored(polynomial(0.25)), {"0,1,0.5", "0,1,0.25"}},
      {"label",
       scored(Score::custom("one", once, 2)),
       scored(Score::custom("two", once, 2)),
       {"custom:one", "custom:two"}},
      {"growth",
       scored(Score::custom("one", once, 2)),
       scored(Score::custom("one", once, 4)),
       {"growth=2", "growth=4"}},
      // A custom score is compared by f(0), too: 0 and 1 here.
      {"f(0)", scored(Score::custom("one", once, 2)), scored(Score::custom("one", twice, 2)), {"custom:one"}},
  };
  for (const world::World& w : world::worlds()) {
    if (w.ranks == 1) continue;
    for (const Difference& difference : all) {
      for (const int odd : {0, w.ranks / 2, w.ranks - 1}) {
        Spec a = support::make_spec(3, 0.25), b = a;
        difference.a(a);
        difference.b(b);
        REQUIRE(a != b);
        for (const auto& [name, verb] : verbs(w.ranks)) {
          INFO(w.name << ", " << name << ", another " << difference.name << " on rank " << odd);
          CHECK(w.run([&, verb = verb](Communicator& comm) {
            const Spec& spec = comm.rank() == odd ? b : a;
            const std::vector<double> row(spec.dim, 1.0);
            Sketch sketch = support::absorbed(
                spec, heavykeys::rows(row.data(), 1, spec.dim, static_cast<std::uint64_t>(comm.rank())));
            std::vector<std::string> parts = difference.parts;
            parts.push_back(std::to_string(odd));
            return refused(comm, verb, sketch, parts);
          }) == "");
        }
      }
    }
  }
}

TEST_CASE("equal Specs are not refused because their functions are other objects") {
  for (const world::World& w : world::worlds()) {
    INFO(w.name);
    CHECK(w.run([](Communicator& comm) -> std::string {
      Spec spec = support::make_spec(1, 0.25);
      spec.score = Score::custom(
          "one", comm.rank() % 2 == 0 ? once : [](double x) { return x * x; }, 2);
      Sketch sketch(spec);
      allmerge(comm, sketch);
      return sketch.spec() == spec ? "" : "another spec";
    }) == "");
  }
}

TEST_CASE("a row on two ranks is refused on every rank, naming the rows and both ranks") {
  support::Random random(1);
  const std::size_t n = 160, d = 3;
  const support::Matrix k = support::gaussian({n, d}, random);
  const auto spec = support::make_spec(d, 0.1);
  const Rows rows = heavykeys::rows(k.values.data(), n, d);
  struct Twice {
    std::size_t begin, count;
    std::string text;
  };
  // In complete blocks, in waiting rows, over both, at a block's edge, the first row and the last.
  const std::vector<Twice> all = {{40, 1, "row 40 of stream 0"},   {0, 1, "row 0 of stream 0"},
                                  {159, 1, "row 159 of stream 0"}, {15, 2, "rows 15 .. 16 of stream 0"},
                                  {32, 16, "rows 32 .. 47"},       {20, 100, "rows 20 .. 119"}};
  for (const world::World& w : world::worlds()) {
    if (w.ranks == 1) continue;
    for (const Twice& twice_there : all) {
      for (int other = 1; other < w.ranks; ++other) {
        if (other > 1 && other < w.ranks - 1) continue;
        for (const bool swapped : {false, true}) {
          const int one = swapped ? other : 0, two = swapped ? 0 : other;
          for (const auto& [name, verb] : verbs(w.ranks)) {
            INFO(w.name << ", " << name << ": " << twice_there.text << " on " << one << " and " << two);
            CHECK(w.run([&, verb = verb](Communicator& comm) {
              Sketch sketch(spec);
              if (comm.rank() == one) heavykeys::streaming::absorb(sketch, rows);
              if (comm.rank() == two)
                heavykeys::streaming::absorb(sketch, rows.slice(twice_there.begin, twice_there.count));
              if (name == "prefix") return refused(comm, verb, sketch, {twice_there.text});
              return refused(comm, verb, sketch,
                             {twice_there.text, "rank 0", "rank " + std::to_string(other)});
            }) == "");
          }
        }
      }
    }
  }
}

TEST_CASE("rows of one id in two streams are two rows") {
  for (const world::World& w : world::worlds()) {
    INFO(w.name);
    CHECK(w.run([](Communicator& comm) -> std::string {
      const double row[] = {1, 2};
      Sketch sketch(support::make_spec(2, 0.5));
      Rows rows = heavykeys::rows(row, 1, 2);
      rows.stream = static_cast<std::uint64_t>(comm.rank());
      heavykeys::streaming::absorb(sketch, rows);
      allmerge(comm, sketch);
      return sketch.row_count() == static_cast<std::uint64_t>(comm.size()) ? "" : "rows are missing";
    }) == "");
  }
}

TEST_CASE("a second allmerge of the same rows is refused on every rank, and changes nothing") {
  for (const world::World& w : world::worlds()) {
    if (w.ranks == 1) continue;
    for (const std::uint64_t seed : law::seeds(10, w)) {
      const support::Problem p = support::draw(76000 + seed);
      support::Random random(seed);
      const law::Hands hands = law::deals()[seed % law::deals().size()].make(
          p.n(), static_cast<std::size_t>(w.ranks), p.spec.block_rows, random);
      const law::Truth truth(support::absorbed(p.spec, p.keys.rows()), p.keys.rows().slice(0, 1));
      for (const auto& [name, verb] : verbs(w.ranks)) {
        INFO(w.name << ", " << name << ", " << p.name);
        CHECK(w.run([&, verb = verb](Communicator& comm) -> std::string {
          Sketch sketch = law::dealt(p.spec, p.keys.rows(), hands, comm);
          allmerge(comm, sketch);
          if (auto wrong = refused(comm, verb, sketch, {"of stream 0"}); !wrong.empty()) return wrong;
          return law::difference(sketch, truth);
        }) == "");
      }
    }
  }
}
