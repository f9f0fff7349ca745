// What is refused, with which error and which values in its text; and that a refusal changes no byte.
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <limits>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/parallel.hpp"
#include "heavykeys/streaming.hpp"
#include "support/problems.hpp"

using Catch::Matchers::Contains;
using heavykeys::Incompatible;
using heavykeys::InvalidInput;
using heavykeys::Sketch;
using heavykeys::streaming::absorb;
using support::absorbed;
using support::Buffer;
using support::difference;
using support::make_spec;
using support::Matrix;

namespace {

const double nan_value = std::numeric_limits<double>::quiet_NaN();
const double infinity = std::numeric_limits<double>::infinity();

Matrix counting(std::size_t n, std::size_t d) {
  Matrix m(n, d);
  for (std::size_t i = 0; i < n * d; ++i) m.values[i] = 1.0 + static_cast<double>(i % 7);
  return m;
}

// The error's text, after checking its type.
template <class Error, class F>
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

}  // namespace

TEST_CASE("every error is a heavykeys::Error") {
  CHECK(std::is_base_of_v<heavykeys::Error, InvalidInput>);
  CHECK(std::is_base_of_v<heavykeys::Error, Incompatible>);
  CHECK(std::is_base_of_v<heavykeys::Error, heavykeys::Corrupt>);
  CHECK(std::is_base_of_v<heavykeys::Error, heavykeys::BackendError>);
}

TEST_CASE("a Spec's ranges: both ends are in, beyond them the field and its value are named") {
  for (std::size_t dim : {1, 4096}) CHECK_NOTHROW(validate(make_spec(dim, 0.5)));
  for (double epsilon : {1.0, 0.5, 1e-6, 5e-324}) CHECK_NOTHROW(validate(make_spec(4, epsilon)));
  for (int bits : {8, 20, 24}) CHECK_NOTHROW(validate(make_spec(4, 0.5, bits)));
  for (std::size_t rows : {16, 32, 64, 2048, 4096}) CHECK_NOTHROW(validate(make_spec(4, 0.5, 24, rows)));

  const auto refuse = [](const heavykeys::Spec& spec, const std::string& field, const std::string& value) {
    INFO(to_string(spec));
    for (const std::string& text : {refused<InvalidInput>([&] { validate(spec); }),
                                    refused<InvalidInput>([&] { Sketch sketch(spec); })}) {
      CHECK_THAT(text, Contains(field));
      CHECK_THAT(text, Contains(value));
    }
  };
  refuse(make_spec(0, 0.5), "dim", "0");
  refuse(make_spec(4097, 0.5), "dim", "4097");
  refuse(make_spec(4, 0.0), "epsilon", "0");
  refuse(make_spec(4, -0.25), "epsilon", "-0.25");
  refuse(make_spec(4, 1.5), "epsilon", "1.5");
  refuse(make_spec(4, nan_value), "epsilon", "nan");
  refuse(make_spec(4, infinity), "epsilon", "inf");
  refuse(make_spec(4, std::nextafter(1.0, 2.0)), "epsilon", "1");
  refuse(make_spec(4, 0.5, 7), "grid_bits", "7");
  refuse(make_spec(4, 0.5, 25), "grid_bits", "25");
  refuse(make_spec(4, 0.5, -1), "grid_bits", "-1");
  for (std::size_t rows : {0, 1, 8, 15, 17, 48, 4095, 8192}) {
    refuse(make_spec(4, 0.5, 24, rows), "block_rows", std::to_string(rows));
  }
  heavykeys::Spec forged = make_spec(4, 0.5);
  forged.score.parameter = -3.0;
  refuse(forged, "score", "-3");
  heavykeys::Spec soft = make_spec(4, 0.5);
  soft.score = heavykeys::Score::softmax(0.5);
  refuse(soft, "softmax", "scan");
  heavykeys::Spec wide = make_spec(100, 0.5);  // C(101, 2) = 5,050 products
  wide.score = heavykeys::Score::polynomial({0.0, 1.0, 1.0});
  refuse(wide, "polynomial:0,1,1", "2100");
  heavykeys::Spec crowd = make_spec(4, 0.5);
  crowd.sample_rows = (1u << 20) + 1;
  refuse(crowd, "sample_rows", "1048577");
  heavykeys::Spec unknown = make_spec(4, 0.5);
  unknown.score.kind = static_cast<heavykeys::Score::Kind>(99);
  refuse(unknown, "score", "99");
  // What no maker of scores makes: a Spec with NaN in it would not equal itself, and its sketches not merge.
  for (const double parameter : {nan_value, 2.0, -0.0}) {
    heavykeys::Spec strange = make_spec(4, 0.5);
    strange.score = heavykeys::Score::expressive();
    strange.score.parameter = parameter;
    refuse(strange, "score", "expressive");
  }
  heavykeys::Spec labelled = make_spec(4, 0.5);
  labelled.score.label = "mine";
  refuse(labelled, "score", "power");
}

TEST_CASE("scores say their names, and names make scores") {
  using heavykeys::Score;
  CHECK(Score::power(2.0) == Score{});
  for (const Score& score : {Score::power(2.0), Score::power(0.5), Score::expressive(), Score::softmax(0.125),
                             Score::polynomial({0.0, 1.0, 0.5})}) {
    CHECK(Score::from_name(score.name()) == score);
  }
  CHECK(Score::power(2.0).name() == "power:2");
  CHECK(Score::polynomial({0.25, 1.0, 0.0}).name() == "polynomial:0.25,1");
  CHECK(Score::from_name("softmax") == Score::softmax(1.0));
  for (const char* name : {"power", "power:", "power:x", "power:2 ", "polynomial:", "polynomial:1,,2",
                           "custom:f", "expressive:1", "softmax:0", "softmax:inf", "", "cubic"}) {
    CAPTURE(name);
    CHECK_THROWS_AS(Score::from_name(name), InvalidInput);
  }
}

TEST_CASE("scores are what their names say") {
  using heavykeys::Score;
  CHECK(Score::power(3.0)(-2.0) == 8.0);
  CHECK(Score::power(2.0)(-3.0) == 9.0);
  CHECK(Score::expressive()(-2.0) == 0.8);
  CHECK(Score::expressive()(0.5) == 0.2);
  CHECK(Score::expressive()(1e300) == 1.0);
  CHECK(Score::polynomial({1.0, 2.0, 3.0})(-2.0) == 57.0);
  CHECK(Score::softmax(2.0)(0.0) == 1.0);
}

TEST_CASE("scores that cannot be served are refused") {
  using heavykeys::Score;
  for (double p : {0.0, -2.0, 64.5, nan_value, infinity}) CHECK_THROWS_AS(Score::power(p), InvalidInput);
  for (double scale : {0.0, nan_value, infinity}) CHECK_THROWS_AS(Score::softmax(scale), InvalidInput);
  CHECK_THROWS_AS(Score::polynomial({}), InvalidInput);
  CHECK_THROWS_AS(Score::polynomial({1.0, 0.0}), InvalidInput);
  CHECK_THROWS_AS(Score::polynomial({0.0, -1.0}), InvalidInput);
  CHECK_THROWS_AS(Score::polynomial({0.0, nan_value}), InvalidInput);
  CHECK_THROWS_AS(Score::polynomial({0, 0, 0, 0, 0, 1.0}), InvalidInput);
}

TEST_CASE("a custom score that breaks a condition is refused, and the text says where") {
  using heavykeys::Score;
  const auto refuse = [](const std::function<double(double)>& f, int growth, const std::string& why) {
    CHECK_THAT(refused<InvalidInput>([&] { Score::custom("mine", f, growth); }), Contains(why));
  };
  CHECK_NOTHROW(Score::custom(
      "log", [](double x) { return std::log1p(x * x); }, 2));
  CHECK_NOTHROW(Score::custom(
      "quartic", [](double x) { return x * x * x * x; }, 4));
  refuse([](double x) { return x * x * x * x; }, 2, "grows faster than x^2");
  refuse([](double x) { return x * x * x; }, 4, "not even at x = 9.094947017729282e-13");
  refuse([](double x) { return std::exp(-x * x); }, 2, "decreases");
  refuse([](double x) { return x > 0 ? x * x : 2 * x * x; }, 2, "not even");
  refuse([](double x) { return std::sqrt(x); }, 2, "not even");
  refuse([](double) { return nan_value; }, 2, "at x = 0");
  refuse([](double) { return 0.0; }, 2, "still zero");
  refuse([](double x) { return x * x; }, 3, "growth 3");
  refuse(nullptr, 2, "no function");
  CHECK_THROWS_AS(Score::custom(
                      "", [](double x) { return x * x; }, 2),
                  InvalidInput);
}

TEST_CASE("to_string of a Spec is as documented") {
  CHECK(to_string(make_spec(64, 0.05, 24, 4096)) ==
        "dim=64 score=power:2 epsilon=0.05 grid_bits=24 block_rows=4096");
}

TEST_CASE("dtypes have the documented sizes, names and grids") {
  using heavykeys::Dtype;
  CHECK(heavykeys::size_of(Dtype::f64) == 8);
  CHECK(heavykeys::size_of(Dtype::f32) == 4);
  CHECK(heavykeys::size_of(Dtype::f16) == 2);
  CHECK(heavykeys::size_of(Dtype::bf16) == 2);
  CHECK(heavykeys::name_of(Dtype::f64) == "float64");
  CHECK(heavykeys::name_of(Dtype::f32) == "float32");
  CHECK(heavykeys::name_of(Dtype::f16) == "float16");
  CHECK(heavykeys::name_of(Dtype::bf16) == "bfloat16");
  CHECK(heavykeys::default_grid_bits(Dtype::f64) == 24);
  CHECK(heavykeys::default_grid_bits(Dtype::f32) == 24);
  CHECK(heavykeys::default_grid_bits(Dtype::f16) == 20);
  CHECK(heavykeys::default_grid_bits(Dtype::bf16) == 20);
}

TEST_CASE("rows of another dim are refused, both dims in the text, nothing changed") {
  const Matrix k = counting(20, 3), wide = counting(20, 5);
  Sketch s = absorbed(make_spec(3, 0.5), heavykeys::rows(k.values.data(), 20, 3));
  const auto before = to_bytes(s);
  const std::string text =
      refused<InvalidInput>([&] { absorb(s, heavykeys::rows(wide.values.data(), 20, 5, 20)); });
  CHECK_THAT(text, Contains("3") && Contains("5"));
  CHECK(difference(to_bytes(s), before) == "");
  CHECK(s.row_count() == 20);
}

TEST_CASE(
    "NaN and Inf are named by row and column, whatever their dtype and block, and nothing is absorbed") {
  using heavykeys::Dtype;
  for (Dtype dtype : {Dtype::f64, Dtype::f32, Dtype::f16, Dtype::bf16}) {
    for (double bad : {nan_value, -nan_value, infinity, -infinity}) {
      for (std::size_t row : {0, 15, 16, 17, 47, 49}) {  // full blocks, the unfinished last one, their ends
        for (std::size_t column : {0, 4}) {
          Matrix k = counting(50, 5);
          k(row, column) = bad;
          const auto spec = make_spec(5, 0.5, 20);
          Sketch s = absorbed(spec, Buffer(counting(1007, 5), dtype).rows());
          const auto before = to_bytes(s);
          const std::string text = refused<InvalidInput>([&] { absorb(s, Buffer(k, dtype).rows(1007)); });
          CAPTURE(name_of(dtype), bad, row, column);
          CHECK_THAT(text, Contains("row " + std::to_string(1007 + row)));
          CHECK_THAT(text, Contains("column " + std::to_string(column)));
          REQUIRE(difference(to_bytes(s), before) == "");
          REQUIRE(s.row_count() == 1007);
        }
      }
    }
  }
}

TEST_CASE("after a refusal the good rows can still be absorbed") {
  Matrix k = counting(50, 5);
  const Matrix good = k;
  k(33, 2) = nan_value;
  const auto spec = make_spec(5, 0.5);
  Sketch s(spec);
  CHECK_THROWS_AS(absorb(s, heavykeys::rows(k.values.data(), 50, 5)), InvalidInput);
  absorb(s, heavykeys::rows(good.values.data(), 50, 5));
  CHECK(difference(s, absorbed(spec, heavykeys::rows(good.values.data(), 50, 5))) == "");
}

TEST_CASE("a row absorbed twice is refused wherever it lies, and nothing is changed") {
  const std::size_t n = 100;
  const Matrix k = counting(n, 3);
  const auto all = heavykeys::rows(k.values.data(), n, 3);
  const auto spec = make_spec(3, 0.5);
  for (std::size_t held : {1, 15, 16, 17, 40, 100}) {
    Sketch s = absorbed(spec, all.slice(0, held));
    const auto before = to_bytes(s);
    for (std::size_t begin = 0; begin < held; begin += 7) {
      for (std::size_t length : {std::size_t{1}, std::size_t{20}, n - begin}) {
        CAPTURE(held, begin, length);
        const auto again = all.slice(begin, std::min(length, n - begin));
        refused<Incompatible>([&] { absorb(s, again); });
        REQUIRE(difference(to_bytes(s), before) == "");
        const Sketch other = absorbed(spec, again);
        refused<Incompatible>([&] { merge(s, other); });
        REQUIRE(difference(to_bytes(s), before) == "");
        Sketch into = other;
        refused<Incompatible>([&] { merge(into, s); });
        REQUIRE(difference(into, other) == "");
      }
    }
    refused<Incompatible>([&] { merge(s, Sketch(s)); });
    refused<Incompatible>([&] { merge(s, s); });
    REQUIRE(difference(to_bytes(s), before) == "");
  }
}

TEST_CASE("an overlap hidden between gaps is found: even rows, then a piece that holds one of them") {
  const Matrix k = counting(64, 2);
  const auto all = heavykeys::rows(k.values.data(), 64, 2);
  Sketch s(make_spec(2, 0.5));
  for (std::size_t r = 0; r < 64; r += 2) absorb(s, all.slice(r, 1));
  const auto before = to_bytes(s);
  const std::string text = refused<Incompatible>([&] { absorb(s, all.slice(41, 3)); });
  CHECK_THAT(text, Contains("42"));
  CHECK(difference(to_bytes(s), before) == "");
  for (std::size_t r = 1; r < 64; r += 2) absorb(s, all.slice(r, 1));
  CHECK(difference(s, absorbed(make_spec(2, 0.5), all)) == "");
}

TEST_CASE("the same row id in another stream is another row") {
  const Matrix k = counting(20, 2);
  auto view = heavykeys::rows(k.values.data(), 20, 2);
  Sketch s = absorbed(make_spec(2, 0.5), view);
  view.stream = 1;
  CHECK_NOTHROW(absorb(s, view));
  CHECK(s.row_count() == 40);
  CHECK_THROWS_AS(absorb(s, view), Incompatible);
}

TEST_CASE("a gap is refused at finalize and the missing rows are named; filling it mends it") {
  const Matrix k = counting(100, 2);
  const auto all = heavykeys::rows(k.values.data(), 100, 2);
  const auto spec = make_spec(2, 0.5);
  const auto whole = to_bytes(absorbed(spec, all));
  struct Gap {
    std::size_t begin, length;
  };
  for (const Gap gap : {Gap{0, 1}, Gap{0, 16}, Gap{5, 1}, Gap{16, 16}, Gap{20, 60}, Gap{98, 1}}) {
    CAPTURE(gap.begin, gap.length);
    Sketch s = absorbed(spec, all.slice(0, gap.begin));
    absorb(s, all.slice(gap.begin + gap.length, 100 - gap.begin - gap.length));
    const auto before = to_bytes(s);
    const std::string text = refused<InvalidInput>([&] { finalize(s); });
    CHECK_THAT(text, Contains(std::to_string(gap.begin)));
    CHECK(difference(to_bytes(s), before) == "");
    absorb(s, all.slice(gap.begin, gap.length));
    CHECK_NOTHROW(finalize(s));
    CHECK(difference(to_bytes(s), whole) == "");
  }
}

TEST_CASE("a gap in one stream is not covered by another stream") {
  const Matrix k = counting(40, 2);
  auto view = heavykeys::rows(k.values.data(), 40, 2);
  Sketch s = absorbed(make_spec(2, 0.5), view);
  view.stream = 5;
  absorb(s, view.slice(17, 3));
  CHECK_THAT(refused<InvalidInput>([&] { finalize(s); }), Contains("5") && Contains("16"));
}

TEST_CASE("ids past 2^62 are refused, and next to it they are not") {
  const Matrix k = counting(4, 2);
  const std::uint64_t end = std::uint64_t{1} << 62;
  Sketch s(make_spec(2, 0.5));
  const auto before = to_bytes(s);
  for (std::uint64_t first : {end - 3, end, ~std::uint64_t{0}, ~std::uint64_t{0} - 1}) {
    CAPTURE(first);
    CHECK_THROWS_AS(absorb(s, heavykeys::rows(k.values.data(), 4, 2, first)), InvalidInput);
    CHECK(difference(to_bytes(s), before) == "");
  }
  absorb(s, heavykeys::rows(k.values.data(), 4, 2, end - 4));
  CHECK(s.next_row() == end);
  CHECK_THROWS_AS(finalize(s), InvalidInput);
  CHECK(difference(heavykeys::from_bytes(to_bytes(s)), s) == "");
}

TEST_CASE("sketches of different Specs do not merge; both values are in the text and nothing is changed") {
  const Matrix k = counting(20, 4);
  const auto view = heavykeys::rows(k.values.data(), 20, 4);
  const auto base = make_spec(4, 0.5, 24, 16);
  Sketch s = absorbed(base, view);
  const auto before = to_bytes(s);
  const auto refuse = [&](const heavykeys::Spec& other, const std::string& mine, const std::string& theirs) {
    const std::string text = refused<Incompatible>([&] { merge(s, Sketch(other)); });
    CHECK_THAT(text, Contains(mine));
    CHECK_THAT(text, Contains(theirs));
    CHECK(difference(to_bytes(s), before) == "");
  };
  refuse(make_spec(5, 0.5), "dim=4", "dim=5");
  refuse(make_spec(4, 0.25), "epsilon=0.5", "epsilon=0.25");
  refuse(make_spec(4, 0.5, 20), "grid_bits=24", "grid_bits=20");
  refuse(make_spec(4, 0.5, 24, 64), "block_rows=16", "block_rows=64");
}

TEST_CASE("epsilons that differ in the last bit are different Specs, and the text tells them apart") {
  const double e = 0.1, next = std::nextafter(e, 1.0);
  Sketch s(make_spec(2, e));
  const std::string text = refused<Incompatible>([&] { merge(s, Sketch(make_spec(2, next))); });
  CHECK(to_string(make_spec(2, e)) != to_string(make_spec(2, next)));
  CHECK_THAT(text, Contains(to_string(make_spec(2, e))) && Contains(to_string(make_spec(2, next))));
}

TEST_CASE("queries of another dim, or with NaN or Inf, are refused by row and column") {
  const Matrix k = counting(20, 3);
  const auto set = finalize(absorbed(make_spec(3, 0.1), heavykeys::rows(k.values.data(), 20, 3)));
  const Matrix wide = counting(2, 4);
  CHECK_THAT(refused<InvalidInput>([&] { heavy_entries(set, heavykeys::rows(wide.values.data(), 2, 4)); }),
             Contains("3") && Contains("4"));
  for (double bad : {nan_value, infinity}) {
    Matrix q = counting(10, 3);
    q(7, 1) = bad;
    const auto view = heavykeys::rows(q.values.data(), 10, 3);
    CHECK_THAT(refused<InvalidInput>([&] { heavy_entries(set, view); }),
               Contains("row 7") && Contains("column 1"));
    CHECK_THAT(refused<InvalidInput>([&] { heavykeys::parallel::heavy_entries(set, view); }),
               Contains("row 7") && Contains("column 1"));
  }
  CHECK(heavy_entries(set, heavykeys::rows(wide.values.data(), 0, 3)).query_count() == 0);
}

TEST_CASE("a causal pass takes its keys in order, all of them, and gives its entries once") {
  const Matrix k = counting(40, 3), q = counting(5, 3);
  const auto keys = heavykeys::rows(k.values.data(), 40, 3);
  heavykeys::CausalHeavy pass(make_spec(3, 0.1), heavykeys::rows(q.values.data(), 5, 3), 40);
  CHECK(pass.next_row() == 0);
  CHECK_THROWS_AS(pass.absorb(keys.slice(1, 5)), InvalidInput);
  pass.absorb(keys.slice(0, 20));
  CHECK(pass.next_row() == 20);
  const auto before = to_bytes(pass.sketch());
  CHECK_THROWS_AS(pass.absorb(keys.slice(0, 20)), InvalidInput);
  CHECK_THROWS_AS(pass.absorb(keys.slice(21, 3)), InvalidInput);
  Matrix bad = k;
  bad(25, 1) = nan_value;
  CHECK_THAT(refused<InvalidInput>([&] { pass.absorb(heavykeys::rows(bad.row(20), 20, 3, 20)); }),
             Contains("row 25") && Contains("column 1"));
  CHECK_THROWS_AS(pass.finish(), InvalidInput);
  CHECK(pass.next_row() == 20);
  CHECK(difference(to_bytes(pass.sketch()), before) == "");
  pass.absorb(keys.slice(20, 20));
  CHECK_THROWS_AS(pass.absorb(heavykeys::rows(k.values.data(), 1, 3, 40)),
                  InvalidInput);  // more than promised
  CHECK(difference(pass.sketch(), absorbed(make_spec(3, 0.1), keys)) == "");
  CHECK(pass.finish().query_count() == 5);
}

TEST_CASE("a causal pass refuses queries of another dim or with NaN") {
  Matrix q = counting(5, 3);
  CHECK_THROWS_AS(heavykeys::CausalHeavy(make_spec(4, 0.1), heavykeys::rows(q.values.data(), 5, 3), 40),
                  InvalidInput);
  q(4, 2) = nan_value;
  const auto text = refused<InvalidInput>(
      [&] { heavykeys::CausalHeavy(make_spec(3, 0.1), heavykeys::rows(q.values.data(), 5, 3), 40); });
  CHECK_THAT(text, Contains("row 4") && Contains("column 2"));
}
