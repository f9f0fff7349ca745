// What a scan refuses, with which values in the text; and that a refusal loses nothing.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/parallel.hpp"

using Catch::Matchers::Contains;
using heavykeys::InvalidInput;
using heavykeys::Scan;
using heavykeys::Score;

namespace {

using Numbers = std::vector<double>;

const double nan_value = std::numeric_limits<double>::quiet_NaN();
const double infinity = std::numeric_limits<double>::infinity();

template <class Error = InvalidInput, class F>
std::string refused(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  } catch (const std::exception& e) {
    FAIL("another error: " << e.what());
  }
  FAIL("nothing was thrown");
  return {};
}

heavykeys::Rows rows(const Numbers& values, std::size_t dim, std::uint64_t first = 0) {
  return heavykeys::rows(values.data(), values.size() / dim, dim, first);
}

const Numbers q{1, 2, 3, 4};

}  // namespace

TEST_CASE("a scan refuses bad epsilon, dim, scores and queries, naming the value") {
  for (const double epsilon : {0.0, -0.5, 1.5, 1e-61, nan_value, infinity}) {
    CHECK_THAT(refused([&] { Scan(Score::softmax(), epsilon, rows(q, 2)); }), Contains("epsilon is "));
  }
  for (const double epsilon : {1.0, 1e-60}) CHECK_NOTHROW(Scan(Score::softmax(), epsilon, rows(q, 2)));
  for (const double tolerance : {0.0, -0.5, 0.11, 1e-11, nan_value, infinity}) {
    CHECK_THAT(refused([&] { Scan(Score::softmax(), 0.5, rows(q, 2), {.tolerance = tolerance}); }),
               Contains("tolerance is "));
  }
  for (const double tolerance : {0.1, 1e-10}) {
    CHECK_NOTHROW(Scan(Score::softmax(), 0.5, rows(q, 2), {.tolerance = tolerance}));
  }
  const Numbers many(4097, 1.0);
  CHECK_THAT(refused([&] { Scan(Score::softmax(), 0.5, rows(many, 4097)); }), Contains("dim is 4097"));
  CHECK_THAT(refused([&] { Scan(Score::softmax(), 0.5, heavykeys::Rows{}); }), Contains("dim is 0"));
  CHECK_THAT(refused([&] { Scan(Score::softmax(), 0.5, {.count = 3, .dim = 2}); }),
             Contains("queries have no data"));
  Numbers bad = q;
  bad[3] = nan_value;
  CHECK_THAT(refused([&] { Scan(Score::softmax(), 0.5, rows(bad, 2)); }), Contains("NaN at row 1, column 1"));

  Score score = Score::power(2);
  score.parameter = 100;
  CHECK_THAT(refused([&] { Scan(score, 0.5, rows(q, 2)); }), Contains("power:100"));
  score = Score::custom(
      "mine", [](double x) { return x * x; }, 2);
  score.function = nullptr;
  CHECK_THAT(refused([&] { Scan(score, 0.5, rows(q, 2)); }), Contains("custom:mine"));
  score = Score::softmax();
  score.parameter = infinity;
  CHECK_THAT(refused([&] { Scan(score, 0.5, rows(q, 2)); }), Contains("softmax"));
  score.kind = static_cast<Score::Kind>(77);
  CHECK_THAT(refused([&] { Scan(score, 0.5, rows(q, 2)); }), Contains("77"));
}

TEST_CASE("keys that are refused leave the scan as it was") {
  const Numbers k{1, 0, 0, 1, -1, 2, 5, 5};
  const auto want = heavykeys::scan(Score::softmax(), 0.1, rows(q, 2), rows(k, 2));
  Scan scan(Score::softmax(), 0.1, rows(q, 2));
  scan.absorb(rows(k, 2).slice(0, 3));
  Numbers bad{1, 2, 3, -infinity};
  CHECK_THAT(refused([&] { scan.absorb(rows(bad, 2, 3)); }), Contains("-Inf at row 4, column 1"));
  CHECK_THAT(refused([&] { scan.absorb(rows(k, 4, 3)); }),
             Contains("keys have 4 columns; the queries have 2"));
  CHECK_THAT(refused<heavykeys::Incompatible>([&] { scan.absorb(rows(k, 2, 2)); }),
             Contains("row 2 of stream 0") && Contains("before"));
  CHECK_THAT(refused([&] { scan.absorb(rows(k, 2, ~std::uint64_t{0})); }), Contains("a scan can take"));
  heavykeys::Rows other = rows(k, 2, 3);
  other.stream = 6;
  CHECK_THAT(refused([&] { scan.absorb(other); }), Contains("stream 6"));
  other = rows(k, 2, 3);
  other.data = nullptr;
  CHECK_THAT(refused([&] { scan.absorb(other); }), Contains("no data"));
  bad = {1, 2, 1e19, 1};
  CHECK_THAT(refused([&] { scan.absorb(rows(bad, 2, 3)); }), Contains("row 4") && Contains("softmax:1"));
  CHECK_THAT(refused([&] { heavykeys::parallel::absorb(scan, rows(bad, 2, 3), {.threads = -1}); }),
             Contains("-1"));
  CHECK(scan.next_row() == 3);
  scan.absorb(rows(k, 2).slice(3, 1));
  CHECK(scan.finish() == want);
  CHECK_THAT(refused([&] { scan.finish(); }), Contains("before"));
  CHECK_THAT(refused([&] { scan.absorb(rows(k, 2, 4)); }), Contains("taken"));
}

TEST_CASE("a scan names the keys that never arrived, and goes on when they do") {
  const Numbers k{1, 0, 0, 1, -1, 2, 5, 5};
  for (const std::uint64_t announced : {0, 4}) {
    Scan scan(Score::softmax(), 0.1, rows(q, 2), {.key_count = announced});
    scan.absorb(rows(k, 2).slice(3, 1));
    CHECK(scan.next_row() == 4);
    CHECK(scan.row_count() == 1);
    CHECK_THAT(refused([&] { scan.finish(); }), Contains("rows 0 .. 2 of stream 0 never arrived"));
    scan.absorb(rows(k, 2).slice(0, 1));
    CHECK_THAT(refused([&] { scan.finish(); }), Contains("rows 1 .. 2 of stream 0 never arrived"));
    scan.absorb(rows(k, 2).slice(1, 2));
    CHECK(scan.finish() == heavykeys::scan(Score::softmax(), 0.1, rows(q, 2), rows(k, 2)));
  }
}

TEST_CASE("scans that do not belong together do not merge, and stay as they were") {
  const Numbers k{1, 0, 0, 1, -1, 2, 5, 5}, other{1, 2, 3, 5};
  const heavykeys::ScanOptions options{.key_count = 4};
  Scan scan(Score::softmax(), 0.1, rows(q, 2), options);
  scan.absorb(rows(k, 2).slice(0, 2));
  const auto refuses = [&](const Scan& from) {
    return refused<heavykeys::Incompatible>([&] { merge(scan, from); });
  };
  CHECK_THAT(refuses(Scan(Score::softmax(2), 0.1, rows(q, 2), options)), Contains("softmax:2"));
  CHECK_THAT(refuses(Scan(Score::softmax(), 0.2, rows(q, 2), options)), Contains("0.2"));
  CHECK_THAT(refuses(Scan(Score::softmax(), 0.1, rows(q, 2))), Contains("options"));
  CHECK_THAT(refuses(Scan(Score::softmax(), 0.1, rows(q, 2), {.key_count = 4, .tolerance = 0.01})),
             Contains("options"));
  CHECK_THAT(refuses(Scan(Score::softmax(), 0.1, rows(other, 2), options)), Contains("row 1"));
  CHECK_THAT(refuses(Scan(Score::softmax(), 0.1, rows(q, 1), options)), Contains("4 x 1"));
  Scan rest(Score::softmax(), 0.1, rows(q, 2), options);
  rest.absorb(rows(k, 2).slice(1, 3));
  CHECK_THAT(refuses(rest), Contains("row 1 of stream 0 are in both"));
  CHECK_THAT(refuses(scan), Contains("rows 0 .. 1"));  // with itself
  CHECK(scan.row_count() == 2);
  Scan end(Score::softmax(), 0.1, rows(q, 2), options);
  end.absorb(rows(k, 2).slice(2, 2));
  merge(scan, end);
  CHECK(end.row_count() == 2);
  CHECK(scan.finish() == heavykeys::scan(Score::softmax(), 0.1, rows(q, 2), rows(k, 2)));
  CHECK_THAT(refused([&] { merge(end, scan); }), Contains("taken"));
  CHECK_THAT(refused([&] { merge(scan, end); }), Contains("taken"));
}

TEST_CASE("a scan that was told n takes n keys, no more and no fewer") {
  const Numbers k{1, 0, 0, 1, -1, 2, 5, 5};
  for (const bool causal : {false, true}) {
    Scan scan(Score::power(2), 0.1, rows(q, 2), {.causal = causal, .key_count = 3});
    CHECK_THAT(refused([&] { scan.absorb(rows(k, 2)); }), Contains("3 keys announced"));
    scan.absorb(rows(k, 2).slice(0, 2));
    CHECK_THAT(refused([&] { scan.finish(); }), Contains("2 of 3 keys"));
    scan.absorb(rows(k, 2).slice(2, 1));
    CHECK(scan.finish().query_count() == 2);
  }
  Scan none(Score::softmax(), 0.1, rows(q, 2), {.causal = true});
  CHECK(none.finish().indptr == std::vector<std::int64_t>{0, 0, 0});
  Scan open(Score::softmax(), 0.1, rows(q, 2));
  CHECK(open.finish().indptr == std::vector<std::int64_t>{0, 0, 0});
  Scan nobody(Score::softmax(), 0.1, heavykeys::rows(q.data(), 0, 2));
  nobody.absorb(rows(k, 2));
  CHECK(nobody.finish().indptr == std::vector<std::int64_t>{0});
  CHECK_THAT(refused([&] { Scan(Score::softmax(), 0.1, rows(q, 2), {.key_count = ~std::uint64_t{0}}); }),
             Contains("2^62"));
}

TEST_CASE("a custom score that fails ends the scan with the argument and the value") {
  const Score score = Score::custom(
      "broken", [](double x) { return x == 3.0 ? -1.0 : x * x; }, 2);
  const Numbers one{1}, k{1, 2, 3};
  CHECK_THAT(refused([&] { heavykeys::scan(score, 0.1, rows(one, 1), rows(k, 1)); }),
             Contains("custom:broken: f(3) is -1"));
  const Numbers large{0x1p600}, larger{0x1p400};
  const Score fine = Score::custom(
      "fine", [](double x) { return x * x; }, 2);
  CHECK_THAT(refused([&] { heavykeys::scan(fine, 0.1, rows(large, 1), rows(larger, 1)); }),
             Contains("row 0") && Contains("2^900"));
}
