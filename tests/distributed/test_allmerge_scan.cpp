// allmerge of scans and of second passes: on every rank the entries of one machine, however keys were split.
#include <catch2/catch.hpp>

#include "distributed/law.hpp"
#include "laws/score_cases.hpp"

using heavykeys::HeavyEntries;
using heavykeys::Rows;
using heavykeys::Scan;
using heavykeys::ScanOptions;
using heavykeys::Score;
using heavykeys::Verification;
using support::Random;
using world::Communicator;

namespace {

const std::vector<Score>& scan_scores() {
  static const std::vector<Score> all = {Score::softmax(0.5),
                                         Score::power(2),
                                         Score::softmax(-30),
                                         Score::power(0.5),
                                         Score::power(6),
                                         Score::expressive(),
                                         Score::polynomial({0.25, 1, 0.5}),
                                         Score::custom("huber", scores::huber, 2),
                                         Score::custom("hypotenuse", scores::hypotenuse, 2)};
  return all;
}

template <class Pass>
void absorb_hand(Pass& pass, const Rows& rows, const std::vector<support::Piece>& hand) {
  for (const auto& piece : hand) pass.absorb(rows.slice(piece.begin, piece.length));
}

struct Keys {
  support::Matrix k, q;
  Rows keys() const { return heavykeys::rows(k.values.data(), k.rows, k.cols); }
  Rows queries() const { return heavykeys::rows(q.values.data(), q.rows, q.cols); }
};

Keys draw(std::size_t n, std::size_t m, std::size_t d, Random& random) {
  Keys keys{support::gaussian({n, d}, random), {}};
  for (std::size_t r = 0; r < n; ++r) {
    if (random.below(50) == 0) {
      for (std::size_t c = 0; c < d; ++c) keys.k(r, c) *= 8;
    }
  }
  keys.q = law::make_queries(keys.k, m, random);
  return keys;
}

/// n, m, d: rows in part of one batch; in several; and of more columns, so that batches are short.
struct Shape {
  std::size_t n, m, d;
};
const std::vector<Shape> shapes = {{0, 3, 2}, {1, 2, 1}, {150, 20, 3}, {9000, 6, 2}, {700, 9, 130}};

void check_scan(const world::World& w, const Score& score, const Shape& shape, bool causal, bool announced,
                std::uint64_t seed) {
  Random random(seed);
  const Keys keys = draw(shape.n, shape.m, shape.d, random);
  const double epsilon = 2.0 / static_cast<double>(shape.n + 2);
  const ScanOptions options{
      .causal = causal,
      .key_count = causal || announced ? shape.n : 0,
      .mode = seed % 2 ? heavykeys::Mode::no_false_positives : heavykeys::Mode::no_false_negatives,
      .tolerance = seed % 3 == 0 ? 0.02 : 1e-10};
  Scan whole(score, epsilon, keys.queries(), options);
  if (shape.n > 0) whole.absorb(keys.keys());
  const HeavyEntries truth = whole.finish();
  for (std::size_t i = 0; i < 3; ++i) {
    // One by one costs a run of rows each: not for the large.
    const law::Deal& deal = law::deals()[(seed + 4 * i) % law::deals().size()];
    if (deal.name == "one by one" && shape.n > 1000) continue;
    const law::Hands hands = deal.make(shape.n, static_cast<std::size_t>(w.ranks), 256, random);
    INFO(w.name << ", dealt " << deal.name << ", n " << shape.n << " d " << shape.d << " " << score.name()
                << (causal ? " causal" : "") << (announced ? " announced" : ""));
    CHECK(w.run([&](Communicator& comm) {
      Scan scan(score, epsilon, keys.queries(), options);
      absorb_hand(scan, keys.keys(), hands[static_cast<std::size_t>(comm.rank())]);
      allmerge(comm, scan);
      if (scan.row_count() != shape.n) return "rows: " + std::to_string(scan.row_count());
      return law::difference(scan.finish(), truth);
    }) == "");
  }
}

/// A set whose queries are in doubt, and what one pass over all keys makes of it.
struct Doubt {
  heavykeys::Spec spec;
  Keys keys;
  HeavyEntries found, truth;
  ScanOptions options;

  Doubt(const Score& score, std::size_t n, std::size_t m, bool causal, Random& random)
      : spec(support::make_spec(3, 0.01)), keys(draw(n, m, 3, random)) {
    spec.score = score;
    options = {.causal = causal, .key_count = n};
    if (causal) {
      heavykeys::CausalHeavy pass(spec, keys.queries(), n);
      pass.absorb(keys.keys());
      found = pass.finish();
    } else {
      found = heavy_entries(finalize(support::absorbed(spec, keys.keys())), keys.queries());
    }
    Verification whole = make(found);
    if (whole.needed()) whole.absorb(keys.keys());
    truth = whole.finish();
  }
  Verification make(const HeavyEntries& entries) const {
    return Verification(spec, entries, keys.queries(), options);
  }
};

/// This rank throws Incompatible, and all ranks do.
std::string refused(Communicator& comm, const std::function<void()>& step) {
  const std::string text = law::thrown(step);
  const auto all = comm.gather(std::as_bytes(std::span(text.data(), text.size())));
  for (const auto& other : all) {
    if (other != all[0]) return "ranks throw different texts, here '" + text + "'";
  }
  return text.starts_with("Incompatible ") ? "" : "threw '" + text + "'";
}

}  // namespace

TEST_CASE("allmerge of scans: every score, causal and not, every deal, n announced and not") {
  for (const world::World& w : world::worlds()) {
    for (const std::uint64_t seed : law::seeds(scan_scores().size() * shapes.size(), w)) {
      const Score& score = scan_scores()[seed % scan_scores().size()];
      const Shape& shape = shapes[seed / scan_scores().size()];
      if (shape.d == 130 && world::separate_processes() && seed % 2) continue;
      check_scan(w, score, shape, false, seed % 2 == 0, seed);
      if (shape.n <= 1000) check_scan(w, score, shape, true, true, seed);
    }
  }
}

TEST_CASE("allmerge of scans: then more keys, by one rank, and entries that are missing are named") {
  for (const world::World& w : world::worlds()) {
    Random random(3);
    const Keys keys = draw(900, 10, 4, random);
    const Score score = Score::softmax();
    Scan whole(score, 0.01, keys.queries());
    whole.absorb(keys.keys());
    const HeavyEntries truth = whole.finish();
    const law::Hands hands = law::deals()[7].make(600, static_cast<std::size_t>(w.ranks), 256, random);
    INFO(w.name);
    CHECK(w.run([&](Communicator& comm) -> std::string {
      Scan scan(score, 0.01, keys.queries());
      absorb_hand(scan, keys.keys(), hands[static_cast<std::size_t>(comm.rank())]);
      allmerge(comm, scan);
      scan.absorb(keys.keys().slice(700, 200));  // a merged scan takes keys like any other
      if (!law::thrown([&] { scan.finish(); }).starts_with("InvalidInput ")) return "a gap went unseen";
      scan.absorb(keys.keys().slice(600, 100));
      return law::difference(scan.finish(), truth);
    }) == "");
  }
}

TEST_CASE("allmerge of second passes: causal and not, every deal") {
  std::size_t needed = 0;
  for (const world::World& w : world::worlds()) {
    for (const std::uint64_t seed : law::seeds(20, w)) {
      Random random(seed);
      const Score score = seed % 4 == 3   ? Score::power(2)
                          : seed % 4 == 2 ? Score::expressive()
                                          : Score::power(1);
      const Doubt doubt(score, seed % 3 ? 300 : 1100, 30, seed % 2 == 1, random);
      const law::Deal& deal = law::deals()[seed % law::deals().size()];
      const law::Hands hands =
          deal.make(doubt.keys.k.rows, static_cast<std::size_t>(w.ranks), doubt.spec.block_rows, random);
      needed += doubt.make(doubt.found).needed();
      INFO(w.name << ", dealt " << deal.name << ", " << score.name() << (seed % 2 ? " causal" : ""));
      CHECK(w.run([&](Communicator& comm) {
        Verification pass = doubt.make(doubt.found);
        if (pass.needed()) absorb_hand(pass, doubt.keys.keys(), hands[static_cast<std::size_t>(comm.rank())]);
        allmerge(comm, pass);
        return law::difference(pass.finish(), doubt.truth);
      }) == "");
    }
  }
  CHECK((needed > 0 || world::separate_processes()));  // a fifth of the seeds may have no doubt
}

TEST_CASE("scans of other queries, scores, epsilons or options are refused on every rank") {
  Random random(5);
  const Keys keys = draw(40, 6, 2, random), others = draw(40, 6, 2, random);
  const auto plain = [](double x) { return x * x; };
  const auto raised = [](double x) { return 1 + x * x; };
  struct Setting {
    std::string name;
    Score score;
    double epsilon = 0.1;
    const Keys* keys;
    std::size_t m = 6;
    ScanOptions options = {};
  };
  const Setting usual{"", Score::custom("one", plain, 2), 0.1, &keys};
  std::vector<Setting> odd(10, usual);
  odd[0].name = "score", odd[0].score = Score::power(2);
  odd[1].name = "growth", odd[1].score = Score::custom("one", plain, 4);
  odd[2].name = "f(0)", odd[2].score = Score::custom("one", raised, 2);
  odd[3].name = "epsilon", odd[3].epsilon = std::nextafter(0.1, 1);
  odd[4].name = "queries", odd[4].keys = &others;
  odd[5].name = "number of queries", odd[5].m = 5;
  odd[6].name = "key_count", odd[6].options.key_count = 40;
  odd[7].name = "causal", odd[7].options = {.causal = true, .key_count = 40};
  odd[8].name = "mode", odd[8].options.mode = heavykeys::Mode::no_false_positives;
  odd[9].name = "tolerance", odd[9].options.tolerance = 0.01;
  for (const world::World& w : world::worlds()) {
    if (w.ranks == 1) continue;
    for (const Setting& s : odd) {
      for (const int which : {0, w.ranks - 1}) {
        INFO(w.name << ", another " << s.name << " on rank " << which);
        CHECK(w.run([&](Communicator& comm) {
          const Setting& mine = comm.rank() == which ? s : usual;
          Scan scan(mine.score, mine.epsilon, mine.keys->queries().slice(0, mine.m), mine.options);
          scan.absorb(keys.keys().slice(static_cast<std::size_t>(comm.rank()), 1));
          return refused(comm, [&] { allmerge(comm, scan); });
        }) == "");
      }
    }
  }
}

TEST_CASE("a key in two scans, and a scan whose entries were taken, are refused; the scans go on") {
  Random random(6);
  const Keys keys = draw(600, 8, 3, random);
  const HeavyEntries truth = heavykeys::scan(Score::softmax(), 0.01, keys.queries(), keys.keys());
  for (const world::World& w : world::worlds()) {
    if (w.ranks == 1) continue;
    INFO(w.name);
    CHECK(w.run([&](Communicator& comm) -> std::string {
      Scan scan(Score::softmax(), 0.01, keys.queries());
      if (comm.rank() == 0) scan.absorb(keys.keys());
      if (comm.rank() == comm.size() - 1) scan.absorb(keys.keys().slice(255, 2));
      if (auto wrong = refused(comm, [&] { allmerge(comm, scan); }); !wrong.empty()) return wrong;
      if (scan.row_count() != (comm.rank() == 0 ? 600u : comm.rank() == comm.size() - 1 ? 2u : 0u))
        return "rows of a refused scan";
      if (comm.rank() == 0) return law::difference(scan.finish(), truth);
      return {};
    }) == "");
    CHECK(w.run([&](Communicator& comm) -> std::string {
      Scan scan(Score::softmax(), 0.01, keys.queries());
      if (comm.rank() == 1) scan.absorb(keys.keys());
      if (comm.rank() == 1) scan.finish();
      const std::string text = law::thrown([&] { allmerge(comm, scan); });
      return text.starts_with("InvalidInput rank 1: ") ? "" : "threw '" + text + "'";
    }) == "");
  }
}

TEST_CASE("second passes of other lists are refused on every rank") {
  Random random(7);
  Doubt doubt(Score::expressive(), 300, 30, false, random);
  doubt.found = {{0}, {}, {}, {}, {}};
  for (std::uint64_t i = 0; i < 30; ++i) {  // even queries in doubt, odd ones decided
    doubt.found.keys.push_back({0, i});
    doubt.found.weights.push_back(0.5);
    doubt.found.lower.push_back(i % 2 == 0 ? 0.0 : 0.5);
    doubt.found.upper.push_back(i % 2 == 0 ? 1.0 : 0.5);
    doubt.found.indptr.push_back(static_cast<std::int64_t>(i) + 1);
  }
  REQUIRE(doubt.make(doubt.found).undecided_count() == 15);
  // A list that says something else of one entry, yet leaves the same queries in doubt.
  HeavyEntries reweighed = doubt.found;
  reweighed.weights[1] = reweighed.lower[1] = reweighed.upper[1] = 0.25;
  // Equal queries: which of them are in doubt cannot be told by their values.
  Doubt twins = doubt;
  for (std::size_t i = 0; i < twins.keys.q.rows; ++i)
    std::copy_n(twins.keys.q.row(0), twins.keys.q.cols, twins.keys.q.row(i));
  HeavyEntries first, last;
  first.indptr.assign(31, 1), last.indptr.assign(31, 0);
  first.indptr[0] = 0, last.indptr[30] = 1;
  for (HeavyEntries* e : {&first, &last}) {
    e->keys = {{0, 1}};
    e->weights = {0.5}, e->lower = {0.0}, e->upper = {1.0};
  }
  for (const world::World& w : world::worlds()) {
    if (w.ranks == 1) continue;
    INFO(w.name);
    CHECK(w.run([&](Communicator& comm) {
      Verification pass = doubt.make(comm.rank() == 1 ? reweighed : doubt.found);
      return refused(comm, [&] { allmerge(comm, pass); });
    }) == "");
    CHECK(w.run([&](Communicator& comm) {
      Verification pass = twins.make(comm.rank() == 1 ? first : last);
      return refused(comm, [&] { allmerge(comm, pass); });
    }) == "");
  }
}
