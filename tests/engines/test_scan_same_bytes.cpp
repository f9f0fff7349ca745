// A scan's entries, bit for bit: whatever cuts the keys into pushes, whoever lends the threads, whatever
// instruction set runs.
#include <catch2/catch.hpp>
#include <cmath>

#include "engines/engine.hpp"
#include "support/problems.hpp"

namespace {

using heavykeys::Score;

const std::vector<Score>& scores() {
  static const std::vector<Score> all = {Score::softmax(0.3),
                                         Score::softmax(200),
                                         Score::power(2),
                                         Score::power(0.5),
                                         Score::power(64),
                                         Score::power(2.3),
                                         Score::expressive(),
                                         Score::polynomial({0, 1, 0, 0.25}),
                                         Score::custom(
                                             "log", [](double x) { return std::log1p(x * x); }, 2)};
  return all;
}

heavykeys::HeavyEntries scanned(const Score& score, const heavykeys::Rows& queries,
                                const heavykeys::Rows& keys, const heavykeys::ScanOptions& options,
                                const engines::Engine& engine, const std::vector<support::Piece>& pieces) {
  // The heaviest weight is never below the mean.
  heavykeys::Scan scan(score, 1.0 / static_cast<double>(keys.count), queries, options);
  for (const auto& piece : pieces) {
    REQUIRE(scan.next_row() == piece.begin);
    engine.absorb(scan, keys.slice(piece.begin, piece.length));
  }
  return scan.finish();
}

void check_all(std::size_t n, std::size_t m, std::size_t d, heavykeys::Dtype dtype, bool causal,
               double tolerance = 1e-10) {
  support::Random random(n + d);
  const support::Buffer keys(engines::planted(n, d, random), dtype);
  const support::Buffer queries(engines::make_queries(keys.values(), m, random), dtype);
  const heavykeys::ScanOptions options{.causal = causal, .key_count = n, .tolerance = tolerance};
  for (const Score& score : scores()) {
    CAPTURE(score.name(), tolerance);
    const auto want = scanned(score, queries.rows(), keys.rows(), options, {}, {{0, n}});
    REQUIRE(want.keys.size() > 0);
    for (const engines::Schedule schedule : engines::built()) {
      for (const int threads : {1, 2, 3}) {
        const engines::Engine engine{schedule, threads};
        const auto pieces = support::cut(n, 1 + random.below(9), random);
        INFO(engine.name());
        CHECK(engines::difference(scanned(score, queries.rows(), keys.rows(), options, engine, pieces),
                                  want) == "");
        if (schedule == engines::Schedule::streaming) break;
      }
    }
    // n not announced: the last batch is then scanned by finish.
    if (!causal) {
      CHECK(engines::difference(scanned(score, queries.rows(), keys.rows(), {.tolerance = tolerance}, {},
                                        support::every(n, 1 + n / 7)),
                                want) == "");
    }
    for (const std::string& isa : heavykeys::available_isas()) {
      CAPTURE(isa);
      const engines::UsingIsa use(isa);
      CHECK(engines::difference(scanned(score, queries.rows(), keys.rows(), options, {}, {{0, n}}), want) ==
            "");
    }
  }
}

}  // namespace

TEST_CASE("a scan has the same bytes from every engine, thread count, push and instruction set") {
  check_all(9000, 50, 6, heavykeys::Dtype::f32, false);
  check_all(300, 17, 40, heavykeys::Dtype::f64, false);
  check_all(700, 33, 130, heavykeys::Dtype::bf16, false);
}

TEST_CASE("a causal scan likewise, with fewer queries than keys, as many, and more") {
  check_all(1500, 20, 6, heavykeys::Dtype::f32, true);
  check_all(600, 600, 5, heavykeys::Dtype::f16, true);
  check_all(257, 300, 5, heavykeys::Dtype::f64, true);
}

TEST_CASE("a scan to a tolerance likewise") {
  check_all(9000, 50, 6, heavykeys::Dtype::f32, false, 0.1);
  check_all(300, 17, 40, heavykeys::Dtype::f64, false, 0.02);
  check_all(700, 70, 131, heavykeys::Dtype::bf16, false, 0.001);
  check_all(600, 600, 5, heavykeys::Dtype::f16, true, 0.01);
}

TEST_CASE("scan() of keys at hand has the same bytes from every engine, to a tolerance too") {
  support::Random random(11);
  const support::Buffer keys(engines::planted(3000, 20, random), heavykeys::Dtype::f32);
  const support::Buffer queries(engines::make_queries(keys.values(), 70, random), heavykeys::Dtype::f32);
  for (const double tolerance : {1e-10, 0.05}) {
    for (const bool causal : {false, true}) {
      CAPTURE(tolerance, causal);
      const heavykeys::ScanOptions what{.causal = causal, .tolerance = tolerance};
      const auto want = heavykeys::scan(Score::softmax(0.1), 0.0005, queries.rows(), keys.rows(), what);
      REQUIRE(want.keys.size() > 100);
      for (const engines::Schedule schedule : engines::built()) {
        if (schedule == engines::Schedule::streaming) continue;
        for (const int threads : {1, 3}) {
          const engines::Engine engine{schedule, threads};
          CHECK(engines::difference(heavykeys::parallel::scan(Score::softmax(0.1), 0.0005, queries.rows(),
                                                              keys.rows(), what, engine.options()),
                                    want) == "");
        }
      }
    }
  }
}

TEST_CASE("a scan takes keys one row at a time") {
  support::Random random(2);
  const support::Buffer keys(engines::planted(600, 3, random), heavykeys::Dtype::f64);
  const auto q = keys.rows().slice(0, 20);
  const auto want = scanned(Score::softmax(), q, keys.rows(), {}, {}, {{0, 600}});
  CHECK(engines::difference(scanned(Score::softmax(), q, keys.rows(), {}, {}, support::every(600, 1)),
                            want) == "");
}

TEST_CASE("strides, dtypes and byte order of rows do not matter to a scan") {
  support::Random random(4);
  const support::Matrix keys = engines::planted(700, 5, random),
                        queries = engines::make_queries(keys, 9, random);
  for (const auto dtype :
       {heavykeys::Dtype::f64, heavykeys::Dtype::f32, heavykeys::Dtype::f16, heavykeys::Dtype::bf16}) {
    const support::Buffer plain(keys, dtype), q(queries, dtype);
    const support::Buffer odd(keys, dtype, {.column_stride = 3, .row_padding = 2, .rows_backwards = true});
    const support::Buffer odd_q(queries, dtype, {.column_stride = 2, .columns_backwards = true});
    const support::Buffer wide(plain.values(), heavykeys::Dtype::f64),
        wide_q(q.values(), heavykeys::Dtype::f64);
    const auto want = heavykeys::scan(Score::softmax(), 0.01, wide_q.rows(), wide.rows());
    REQUIRE(want.keys.size() > 0);
    CHECK(engines::difference(heavykeys::scan(Score::softmax(), 0.01, q.rows(), plain.rows()), want) == "");
    CHECK(engines::difference(heavykeys::scan(Score::softmax(), 0.01, odd_q.rows(), odd.rows()), want) == "");
  }
}
