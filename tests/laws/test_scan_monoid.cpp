// A scan is a function of the SET of rows absorbed: any shards, pushes, orders and merge trees end in the
// same bytes; and so do ranks that bring their scans together through lib/scan_state.hpp.
#include <catch2/catch.hpp>
#include <cmath>

#include "engines/engine.hpp"
#include "laws/shards.hpp"
#include "lib/scan_state.hpp"
#include "support/problems.hpp"

namespace {

using heavykeys::HeavyEntries;
using heavykeys::Rows;
using heavykeys::Scan;
using heavykeys::ScanOptions;
using heavykeys::Score;
using namespace heavykeys::detail;

const std::vector<Score>& scores() {
  static const std::vector<Score> all = {Score::softmax(),
                                         Score::softmax(-0.01),
                                         Score::softmax(900),
                                         Score::power(2),
                                         Score::power(1.37),
                                         Score::power(0.5),
                                         Score::power(64),
                                         Score::expressive(),
                                         Score::polynomial({2, 0, 1, 0.25}),
                                         Score::custom(
                                             "log", [](double x) { return std::log1p(x * x); }, 2),
                                         Score::custom(
                                             "square", [](double x) { return x * x; }, 2)};
  return all;
}

/// How large key j of n is, at most 2^top.
double growth(std::size_t family, std::size_t j, std::size_t n, int top, support::Random& random) {
  const double place = static_cast<double>(j) / static_cast<double>(n);
  switch (family) {
    case 0:
      return random.below(10) == 0 ? 0.0 : random.below(50) == 0 ? 20.0 : 1.0;
    case 1:  // over many binades, in order
      return std::ldexp(1.0, static_cast<int>(400 * (place - 1)) + top);
    case 2:  // and in none
      return std::ldexp(1.0, random.integer(-400, 0) + top);
    case 5:  // down to where products, and custom scores, underflow
      return std::ldexp(1.0, random.integer(-1050, -900) + top);
    case 3:  // logits that grow by thousands, or fall
      return 5000 * place;
    default:
      return 5000 * (1 - place) * (random.below(9) == 0 ? 0.0 : 1.0);
  }
}
constexpr std::size_t kFamilies = 6;

/// Only some columns are not zero: many columns make batches small.
support::Matrix make_keys(std::size_t family, std::size_t n, std::size_t d, int top,
                          support::Random& random) {
  support::Matrix keys(n, d);
  for (std::size_t j = 0; j < n; ++j) {
    const double size = growth(family, j, n, top, random);
    if (random.below(20) == 0 && j > 0) {
      std::copy_n(keys.row(random.below(j)), d, keys.row(j));  // a tie
    } else {
      for (std::size_t c = 0; c < std::min<std::size_t>(d, 4); ++c) keys(j, c) = size * random.gaussian();
      if (d > 1 && random.coin()) keys(j, 1) = keys(j, 0) * (1 + std::ldexp(random.gaussian(), -45));
    }
  }
  return keys;
}

/// Gaussian; orthogonal to all keys; and one to which half of the keys nearly cancel.
support::Matrix make_queries(const support::Matrix& keys, std::size_t m, support::Random& random) {
  support::Matrix queries(m, keys.cols);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t c = 0; c < std::min<std::size_t>(keys.cols, 4); ++c) queries(i, c) = random.gaussian();
  }
  if (keys.cols > 1) {
    std::fill_n(queries.values.begin() + static_cast<std::ptrdiff_t>(keys.cols), keys.cols, 0.0);
    queries(1, 0) = 1.0;
    queries(1, 1) = -1.0;
  }
  if (keys.cols > 4) {
    for (std::size_t c = 0; c < 4; ++c) queries(0, c) = 0.0;
    queries(0, 4) = 3.0;
  }
  return queries;
}

struct Case {
  Score score;
  double epsilon;
  Rows queries, keys;
  ScanOptions options;

  Scan scan() const { return Scan(score, epsilon, queries, options); }
  HeavyEntries whole() const {
    Scan pass = scan();
    pass.absorb(keys);
    return pass.finish();
  }
};

/// Runs `check` on every kind of score and keys, causal or not.
template <class Check>
void for_cases(std::uint64_t seed, std::size_t n, std::size_t d, const Check& check) {
  support::Random random(seed);
  for (std::size_t family = 0; family < kFamilies; ++family) {
    const support::Matrix far = make_keys(family, n, d, 200, random),
                          near = make_keys(family, n, d, 30, random),  // logits up to 2^50
        q = make_queries(near, 5, random);
    for (const Score& score : scores()) {
      const support::Matrix& k = score.kind == Score::Kind::softmax ? near : far;
      const bool causal = random.coin();
      const ScanOptions options{
          .causal = causal,
          .key_count = causal || random.coin() ? n : 0,
          .mode = random.coin() ? heavykeys::Mode::no_false_negatives : heavykeys::Mode::no_false_positives,
          .tolerance = random.coin() ? 1e-10 : 0.03};
      const Case c{score, random.pick(std::vector<double>{0.1, 0.004, 1e-6}),
                   heavykeys::rows(q.values.data(), q.rows, d), heavykeys::rows(k.values.data(), n, d),
                   options};
      CAPTURE(family, score.name(), causal, c.epsilon, n, d);
      check(c, random);
    }
  }
}

}  // namespace

TEST_CASE("any shards of a scan, in any order and merge tree, end in the same bytes") {
  std::size_t entries = 0;
  const auto check = [&](const Case& c, support::Random& random) {
    const HeavyEntries want = c.whole();
    entries += want.keys.size();
    for (const std::size_t count : {1u, 2u, 5u}) {
      const auto make = [&] { return c.scan(); };
      Scan all = shards::merged(shards::absorbed(make, c.keys, count, random), random);
      CHECK(all.row_count() == c.keys.count);
      CHECK(engines::difference(all.finish(), want) == "");
    }
  };
  for_cases(1, 1500, 1024, check);  // batches of 256 rows
  for_cases(2, 700, 600, check);
  for_cases(3, 11000, 4, check);  // of 4096
  for_cases(4, 300, 1, check);
  CHECK(entries > 10000);
}

TEST_CASE("ties at epsilon are listed whatever the shards and the sweeps between them") {
  support::Random random(8);
  for (const Score& score : scores()) {
    for (const std::size_t copies : {3u, 8u, 100u}) {
      support::Matrix keys(1400, 600);  // batches of 256
      for (std::size_t j = 0; j < keys.rows; ++j) keys(j, 0) = score.parameter < 0 ? 1e6 : 0.0;
      if (score.kind == Score::Kind::softmax && score.parameter > 0)
        keys.values.assign(keys.values.size(), -1e6);
      const auto order = random.permutation(keys.rows);
      for (std::size_t c = 0; c < copies; ++c) keys(order[c], 0) = 3.7;
      const double q[600] = {1.0};
      const Case c{score,
                   1.0 / static_cast<double>(copies),
                   heavykeys::rows(q, 1, 600),
                   heavykeys::rows(keys.values.data(), keys.rows, 600),
                   {}};
      CAPTURE(score.name(), copies);
      const HeavyEntries want = c.whole();
      const bool alone = score.kind != Score::Kind::polynomial;  // f(0) > 0
      CHECK(want.keys.size() == (alone ? copies : 0));
      const auto make = [&] { return c.scan(); };
      Scan all = shards::merged(shards::absorbed(make, c.keys, 4, random), random);
      CHECK(engines::difference(all.finish(), want) == "");
    }
  }
}

TEST_CASE("the empty scan is neutral, and merging has no order") {
  for_cases(5, 1100, 1024, [](const Case& c, support::Random&) {
    const HeavyEntries want = c.whole();
    Scan a = c.scan(), b = c.scan(), none = c.scan();
    a.absorb(c.keys.slice(0, 500));
    b.absorb(c.keys.slice(500, 600));
    merge(a, none);
    merge(none, b);
    merge(none, a);
    CHECK(engines::difference(none.finish(), want) == "");
    merge(a, b);
    CHECK(engines::difference(a.finish(), want) == "");
  });
}

namespace {

/// What ranks do, each with its scan: the rows that wait go to rank 0, the sums to all, the candidates to
/// rank 0, which finishes.
HeavyEntries brought_together(std::vector<Scan> scans, std::uint64_t n) {
  std::vector<ScanState*> ranks;
  for (Scan& scan : scans) ranks.push_back(&ScanAccess::state(scan));
  ScanState& root = *ranks[0];
  for (std::size_t r = 1; r < ranks.size(); ++r) {
    ScanState& rank = *ranks[r];
    rank.coverage = complete_rows(rank.coverage, rank.fragments);
    for (const auto& [first, run] : rank.fragments) scans[0].absorb(run.view(first.row, first.stream));
    rank.fragments.clear();
  }
  scan_waiting(root, n, serial_workers());

  std::vector<std::int64_t> greatest(root.pass.sum_count(), ScanSum::kEmpty), bins(greatest.size());
  for (const ScanState* rank : ranks) {
    rank->pass.get_top_bins(bins);
    for (std::size_t i = 0; i < bins.size(); ++i) greatest[i] = std::max(greatest[i], bins[i]);
  }
  std::vector<Limb> total(root.pass.word_count()), words(total.size());
  for (ScanState* rank : ranks) {
    rank->pass.raise(greatest);
    rank->pass.get_words(words);
    ScanPass::add_words(total, words);
  }
  for (ScanState* rank : ranks) {
    rank->pass.set_words(total);
    rank->pass.sweep();
  }
  for (std::size_t r = 1; r < ranks.size(); ++r) {
    root.coverage.add(ranks[r]->coverage);
    ByteWriter out;
    for (std::size_t i = 0; i < root.pass.query_count(); ++i) ranks[r]->pass.put_candidates(i, out);
    ByteReader in(out.bytes());
    for (std::size_t i = 0; i < root.pass.query_count(); ++i) root.pass.append_candidates(i, in);
    CHECK(in.at_end());
  }
  return scans[0].finish();
}

}  // namespace

TEST_CASE("ranks that add up their sums and gather their candidates end in the same bytes") {
  const auto check = [](const Case& c, support::Random& random) {
    const auto make = [&] { return c.scan(); };
    const HeavyEntries want = c.whole();
    for (const std::size_t ranks : {1u, 7u}) {
      auto scans = shards::absorbed(make, c.keys, ranks, random);
      CHECK(engines::difference(brought_together(std::move(scans), c.keys.count), want) == "");
    }
  };
  for_cases(6, 1500, 1024, check);
  for_cases(7, 9000, 3, check);
}

TEST_CASE("rows that wait for others of their block cannot be scanned") {
  const double q[] = {1.0};
  Scan scan(Score::softmax(), 0.5, heavykeys::rows(q, 1, 1));
  const std::vector<double> values(300, 1.0);
  scan.absorb(heavykeys::rows(values.data(), 300, 1, 256));
  ScanState& state = ScanAccess::state(scan);
  CHECK_THROWS_AS(scan_waiting(state, 600, serial_workers()), heavykeys::InvalidInput);
  CHECK(state.fragments.size() == 1);
  scan_waiting(state, 556, serial_workers());
  CHECK(state.fragments.empty());
}
