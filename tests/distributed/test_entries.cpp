// Queries shared out over ranks, and causal passes in parts: put together, they are the whole.
#include <catch2/catch.hpp>

#include "distributed/law.hpp"
#include "engines/engine.hpp"
#include "laws/score_cases.hpp"

using heavykeys::CausalHeavy;
using heavykeys::HeavyEntries;
using heavykeys::Rows;
using heavykeys::Sketch;
using support::Random;
using world::Communicator;

namespace {

/// Ends of the parts of a pass over n keys, rank by rank: multiples of the block, or n; parts may be empty.
std::vector<std::size_t> ends_of_parts(std::size_t n, std::size_t block, std::size_t ranks, Random& random) {
  std::vector<std::size_t> ends;
  for (std::size_t r = 0; r < ranks; ++r) ends.push_back(std::min(n, block * random.below(n / block + 2)));
  ends.back() = n;
  std::sort(ends.begin(), ends.end());
  return ends;
}

HeavyEntries whole_pass(const heavykeys::Spec& spec, const Rows& queries, const Rows& keys,
                        const heavykeys::HeavyOptions& options) {
  CausalHeavy pass(spec, queries, keys.count, options);
  pass.absorb(keys);
  return pass.finish();
}

}  // namespace

TEST_CASE("share: all rows, in order, evenly, each with its id") {
  std::vector<double> data(2000);
  for (const world::World& w : world::worlds()) {
    for (const std::size_t m : {0, 1, 2, 3, 6, 7, 8, 100, 999}) {
      INFO(w.name << " of " << m);
      CHECK(w.run([&](Communicator& comm) -> std::string {
        Rows all = heavykeys::rows(data.data(), m, 2, 5);
        all.stream = 3;
        const Rows mine = heavykeys::distributed::share(comm, all);
        const std::uint64_t said[] = {mine.first_id, mine.count};
        std::uint64_t next = 5;
        for (const auto& part : comm.gather(std::as_bytes(std::span(said)))) {
          std::uint64_t theirs[2];
          std::memcpy(theirs, part.data(), sizeof theirs);
          if (theirs[0] != next) return "a share begins at " + std::to_string(theirs[0]);
          const std::size_t least = m / static_cast<std::size_t>(comm.size());
          if (theirs[1] < least || theirs[1] > least + 1) return "a share of " + std::to_string(theirs[1]);
          next += theirs[1];
        }
        if (next != 5 + m) return "shares end at " + std::to_string(next);
        if (mine.stream != 3 || mine.dim != 2) return "another stream or dim";
        if (mine.count > 0 && mine.data != data.data() + 2 * (mine.first_id - 5)) return "another place";
        return {};
      }) == "");
    }
  }
}

TEST_CASE("share at multiples: all rows, in order, within one multiple of even, whatever the first id") {
  std::vector<double> data(1000);
  for (const world::World& w : world::worlds()) {
    for (const std::uint64_t first : {0, 5, 16, 31}) {
      for (const std::size_t m : {0, 1, 15, 16, 100, 999}) {
        INFO(w.name << " of " << m << " from " << first);
        CHECK(w.run([&](Communicator& comm) -> std::string {
          const Rows all = heavykeys::rows(data.data(), m, 1, first);
          const Rows mine = heavykeys::distributed::share(comm, all, 16);
          const std::uint64_t said[] = {mine.first_id, mine.count};
          std::uint64_t next = first;
          std::size_t rank = 0;
          for (const auto& part : comm.gather(std::as_bytes(std::span(said)))) {
            std::uint64_t theirs[2];
            std::memcpy(theirs, part.data(), sizeof theirs);
            if (theirs[0] != next) return "a share begins at " + std::to_string(theirs[0]);
            const std::uint64_t even = m * rank++ / static_cast<std::size_t>(comm.size());
            if (next != first && next != first + m && next % 16 != 0) return "cut at " + std::to_string(next);
            if (first + even < next || first + even >= next + 16) return "uneven at " + std::to_string(next);
            next += theirs[1];
          }
          return next == first + m ? "" : "shares end at " + std::to_string(next);
        }) == "");
      }
    }
  }
}

TEST_CASE("heavy_entries with shared queries: on every rank those of one rank, for any number of queries") {
  std::size_t entries = 0;
  for (const world::World& w : world::worlds()) {
    for (const std::uint64_t seed : law::seeds(scores::all().size(), w)) {
      support::Problem p = support::draw(78000 + seed, {120, 4});
      p.spec.score = scores::all()[seed].score;
      Random random(seed);
      for (const std::size_t m : {0, 1, 2, 6, 40}) {
        const support::Matrix q = law::make_queries(p.keys.values(), m, random);
        const Rows queries = heavykeys::rows(q.values.data(), m, p.d());
        const auto set = finalize(support::absorbed(p.spec, p.keys.rows()));
        const heavykeys::HeavyOptions options{
            seed % 2 ? heavykeys::Mode::no_false_positives : heavykeys::Mode::no_false_negatives,
            seed % 3 ? 0.05 : 0.0};
        const HeavyEntries truth = heavy_entries(set, queries, options);
        entries += truth.keys.size();
        INFO(w.name << ", " << m << " queries, " << p.name);
        CHECK(w.run([&](Communicator& comm) {
          return law::difference(heavykeys::distributed::heavy_entries(comm, set, queries, options), truth);
        }) == "");
      }
    }
  }
  CHECK(entries >= 50);
}

TEST_CASE("concatenate: uneven parts, empty parts, and only empty ones") {
  for (const world::World& w : world::all_worlds()) {
    for (int many = 0; many < 5; ++many) {
      INFO(w.name << " " << many);
      CHECK(w.run([&](Communicator& comm) -> std::string {
        // Rank r has r queries (or none), query i of it i entries.
        const auto part = [&](int rank) {
          HeavyEntries e;
          e.indptr = {0};
          for (int i = 0; i < (many == 4 ? 0 : rank % (many + 1)); ++i) {
            for (int j = 0; j < i; ++j) {
              e.keys.push_back({static_cast<std::uint64_t>(rank), static_cast<std::uint64_t>(j)});
              e.weights.push_back(rank + 0.5 * j);
              e.lower.push_back(-j);
              e.upper.push_back(1e300);
            }
            e.indptr.push_back(static_cast<std::int64_t>(e.keys.size()));
          }
          return e;
        };
        HeavyEntries truth;
        truth.indptr = {0};
        for (int r = 0; r < comm.size(); ++r) {
          const HeavyEntries e = part(r);
          const std::int64_t offset = truth.indptr.back();
          for (std::size_t i = 1; i < e.indptr.size(); ++i) truth.indptr.push_back(offset + e.indptr[i]);
          truth.keys.insert(truth.keys.end(), e.keys.begin(), e.keys.end());
          truth.weights.insert(truth.weights.end(), e.weights.begin(), e.weights.end());
          truth.lower.insert(truth.lower.end(), e.lower.begin(), e.lower.end());
          truth.upper.insert(truth.upper.end(), e.upper.begin(), e.upper.end());
        }
        return law::difference(concatenate(comm, part(comm.rank())), truth);
      }) == "");
    }
  }
}

TEST_CASE("concatenate: entries of no query at all, as a default HeavyEntries has") {
  for (const world::World& w : world::worlds()) {
    INFO(w.name);
    CHECK(w.run([](Communicator& comm) -> std::string {
      HeavyEntries mine;
      if (comm.rank() == 0) mine = {{0, 1}, {{0, 7}}, {0.5}, {0.5}, {0.5}};
      const HeavyEntries all = concatenate(comm, mine);
      return all == HeavyEntries{{0, 1}, {{0, 7}}, {0.5}, {0.5}, {0.5}} ? "" : "not the one query";
    }) == "");
  }
}

TEST_CASE("a bad query is refused on every rank with the text of the lowest rank that has one") {
  for (const world::World& w : world::worlds()) {
    const std::size_t m = 20;
    std::vector<double> q(2 * m, 1.0);
    q[2 * 17 + 1] = std::numeric_limits<double>::quiet_NaN();
    q[2 * 19] = std::numeric_limits<double>::infinity();
    INFO(w.name);
    CHECK(w.run([&](Communicator& comm) -> std::string {
      const double k[] = {1, 0, 0, 1};
      const auto set = finalize(support::absorbed(support::make_spec(2, 0.1), heavykeys::rows(k, 2, 2)));
      const std::string text = law::thrown(
          [&] { heavykeys::distributed::heavy_entries(comm, set, heavykeys::rows(q.data(), m, 2)); });
      const bool right = text.starts_with("InvalidInput rank ") && text.find("row 17") != std::string::npos &&
                         text.find("column 1") != std::string::npos;
      return right ? "" : "threw '" + text + "'";
    }) == "");
  }
}

TEST_CASE("causal: parts that ranks do from the sketch of those before, put together, are the whole pass") {
  std::size_t entries = 0;
  for (const world::World& w : world::worlds()) {
    for (const std::uint64_t seed : law::seeds(2 * scores::all().size(), w)) {
      support::Problem p = support::draw(79000 + seed, {150, 4});
      p.spec.score = scores::all()[seed % scores::all().size()].score;
      Random random(seed);
      const std::vector<std::size_t> counts = {0, 1, p.n() / 2, p.n(), p.n() + 3};
      for (const std::size_t m : counts) {
        const support::Matrix q = law::make_queries(p.keys.values(), m, random);
        const Rows queries = heavykeys::rows(q.values.data(), m, p.d()), keys = p.keys.rows();
        const heavykeys::HeavyOptions options{
            seed % 2 ? heavykeys::Mode::no_false_positives : heavykeys::Mode::no_false_negatives,
            seed % 3 ? 0.05 : 0.0};
        const auto ends = ends_of_parts(p.n(), p.spec.block_rows, static_cast<std::size_t>(w.ranks), random);
        const HeavyEntries truth = whole_pass(p.spec, queries, keys, options);
        entries += truth.keys.size();
        INFO(w.name << ", " << m << " queries, " << p.name);
        CHECK(w.run([&](Communicator& comm) {
          const auto rank = static_cast<std::size_t>(comm.rank());
          const std::size_t first = rank == 0 ? 0 : ends[rank - 1];
          const Rows mine = keys.slice(first, ends[rank] - first);
          const Sketch before = prefix(comm, support::absorbed(p.spec, mine));
          if (mine.count == 0 && first > 0) return law::difference(concatenate(comm, {}), truth);
          CausalHeavy pass(before, ends[rank], queries, p.n(), options);
          for (const auto& piece : support::every(mine.count, 1 + seed % 40))
            pass.absorb(mine.slice(piece.begin, piece.length));
          return law::difference(concatenate(comm, pass.finish()), truth);
        }) == "");
      }
    }
  }
  CHECK(entries >= 50);
}

TEST_CASE("causal: a part without rows has the queries that see no key when it is the whole, else none") {
  const std::size_t n = 40, d = 2, m = 50;
  Random random(8);
  const support::Matrix k = support::gaussian({n, d}, random), q = support::gaussian({m, d}, random);
  const Rows keys = heavykeys::rows(k.values.data(), n, d), queries = heavykeys::rows(q.values.data(), m, d);
  const auto spec = support::make_spec(d, 0.1);
  const auto part = [&](std::size_t begin, std::size_t end) {
    CausalHeavy pass(support::absorbed(spec, keys.slice(0, begin)), end, queries, n);
    pass.absorb(keys.slice(begin, end - begin));
    return pass.finish();
  };
  CHECK(part(0, 0).query_count() == 0);
  CHECK(part(0, 16).query_count() == m - n + 16);
  CHECK(part(16, 16).query_count() == 0);
  CHECK(part(16, n).query_count() == n - 16);
  CHECK(part(n, n).query_count() == 0);  // "or with the last key": a rank that has no rows after it
  CausalHeavy nothing(Sketch(spec), 0, queries, 0);
  CHECK(nothing.finish().query_count() == m);
}

TEST_CASE("causal: parts begin and end at blocks, or with the last key; else InvalidInput says why") {
  Random random(3);
  const std::size_t n = 100, d = 3;
  const support::Matrix k = support::gaussian({n, d}, random);
  const Rows keys = heavykeys::rows(k.values.data(), n, d);
  const auto spec = support::make_spec(d, 0.1);
  const auto refused = [&](const Sketch& before, std::uint64_t end, std::uint64_t count) {
    return law::thrown([&] { CausalHeavy(before, end, keys, count); }).starts_with("InvalidInput ");
  };
  const Sketch two_blocks = support::absorbed(spec, keys.slice(0, 32));
  CHECK_FALSE(refused(two_blocks, 48, n));
  CHECK_FALSE(refused(two_blocks, n, n));
  CHECK_FALSE(refused(two_blocks, 32, n));
  CHECK_FALSE(refused(Sketch(spec), 0, n));
  CHECK(refused(two_blocks, 47, n));
  CHECK(refused(two_blocks, 16, n));
  CHECK(refused(two_blocks, n + 12, n));
  CHECK(refused(two_blocks, 112, 101));
  CHECK(refused(support::absorbed(spec, keys.slice(0, 33)), 48, n));          // ends inside a block
  CHECK(refused(support::absorbed(spec, keys.slice(16, 16)), 48, n));         // begins with a gap
  CHECK(refused(support::absorbed(spec, keys, {{0, 16}, {17, 15}}), 48, n));  // has a gap
  Sketch streams = two_blocks;
  Rows other = keys.slice(0, 16);
  other.stream = 1;
  heavykeys::streaming::absorb(streams, other);
  CHECK(refused(streams, 48, n));
}
