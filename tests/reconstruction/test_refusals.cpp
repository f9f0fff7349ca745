// What is refused: the text names what does not fit.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <string>

#include "heavykeys/heavykeys.hpp"
#include "reconstruction/reference.hpp"
#include "support/tensor.hpp"

using Catch::Contains;
using heavykeys::Dtype;
using heavykeys::Estimator;
using heavykeys::fit_reconstructor;
using heavykeys::Incompatible;
using heavykeys::InvalidInput;
using heavykeys::Reconstructor;
using support::Lie;
using support::TensorBuffer;

namespace {

heavykeys::PrincipalComponents sound(std::size_t p = 8) {
  support::Random random(41);
  return reconstruction::model(p, 3, 0.5, 0.1, random);
}

struct Call {
  TensorBuffer q, k, v, out;
  heavykeys::AttendOptions options;

  Call(std::size_t m, std::size_t n)
      : q(Dtype::f64, Lie::bhsd, 1, 4, m, 2),
        k(Dtype::f64, Lie::bhsd, 1, 2, n, 2),
        v(Dtype::f64, Lie::bhsd, 1, 2, n, 3),
        out(Dtype::f64, Lie::bhsd, 1, 4, m, 3) {
    q.fill(std::vector<double>(4 * m * 2, 1.0));
    k.fill(std::vector<double>(2 * n * 2, 1.0));
    v.fill(std::vector<double>(2 * n * 3, 1.0));
  }
  void operator()(const std::vector<Reconstructor>& r) {
    heavykeys::attend(q.view(), k.view(), v.view(), r, options, out.mutable_view());
  }
};

}  // namespace

TEST_CASE("options out of range") {
  const auto c = sound();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(fit_reconstructor(c, {}), "computed: 0 of 8 elements; it must be in 1 .. 8");
  CHECK_THROWS_WITH(fit_reconstructor(c, {.computed = 9}), "computed: 9 of 8 elements; it must be in 1 .. 8");
  CHECK_THROWS_WITH(fit_reconstructor(c, {.computed = 1, .ridge = -0.5}), "ridge -0.5; it must be in 0 .. 1");
  CHECK_THROWS_AS(fit_reconstructor(c, {.computed = 1, .ridge = nan}), InvalidInput);
  CHECK_THROWS_WITH(fit_reconstructor(c, {.computed = 1, .components = 4}),
                    "components: 4 are asked for and 3 given");
  CHECK_THROWS_WITH(
      fit_reconstructor(c, {.computed = 2, .estimator = Estimator::least_squares, .components = 3}),
      "components: 3 cannot be fitted to 2 computed elements");
  CHECK_THROWS_WITH(fit_reconstructor(c, {.computed = 1, .estimator = static_cast<Estimator>(7)}),
                    Contains("estimator 7"));
  CHECK_THROWS_WITH(fit_reconstructor(c, {.computed = 1, .sample_queries = 3}),
                    "sample_queries: 8 elements are not 3 rows of scores");
  CHECK_THROWS_AS(fit_reconstructor(c, {.computed = 1, .sample_queries = 0}), InvalidInput);
}

TEST_CASE("components whose parts do not fit together") {
  const auto refused = [](auto change, const char* text) {
    auto c = sound();
    change(c);
    CHECK_THROWS_WITH(fit_reconstructor(c, {.computed = 2}), Contains(text));
    CHECK_THROWS_AS(heavykeys::choose_elements(c, 1, heavykeys::Choice::random), InvalidInput);
  };
  using C = heavykeys::PrincipalComponents;
  constexpr double inf = std::numeric_limits<double>::infinity();
  refused([](C& c) { c.dim = 0; }, "without elements");
  refused([](C& c) { c.mean.pop_back(); }, "mean has 7 numbers; 8 are needed");
  refused([](C& c) { c.element_variances.clear(); }, "element_variances has 0 numbers; 8 are needed");
  refused([](C& c) { c.components.pop_back(); }, "components has 23 numbers; 24 are needed");
  refused([](C& c) { c.variances.assign(9, 1.0); }, "9 of samples with 8 elements");
  refused([](C& c) { c.variances[2] = -1; }, "variances[2] is -1");
  refused([](C& c) { c.variances = {1, 2, 3}; }, "not descending");
  refused([](C& c) { c.mean[3] = inf; }, "mean[3] is inf");
  refused([](C& c) { c.components[5] = -inf; }, "components[5] is -inf");
  refused([](C& c) { c.element_variances[0] = 1e300; }, "add up to");
  refused(
      [](C& c) {
        c.element_variances.assign(8, 1e-300);
        c.variances.assign(3, 0.0);
      },
      "add up to");
}

TEST_CASE("rows of another width, NaN, no samples") {
  const Reconstructor r = fit_reconstructor(sound(), {.computed = 3});
  support::Matrix m(2, 8);
  CHECK_THROWS_WITH(heavykeys::reconstruct(r, reconstruction::rows_of(m)),
                    "partial: rows of 8 elements; the reconstructor computes 3 of 8");
  CHECK_THROWS_WITH(heavykeys::reconstruction_error(r, heavykeys::rows(m.values.data(), 1, 3)),
                    Contains("samples: rows of 3 elements"));
  CHECK_THROWS_WITH(heavykeys::reconstruction_error(r, heavykeys::rows(m.values.data(), 0, 8)),
                    Contains("there is none"));
  m(1, 2) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(heavykeys::reconstruction_error(r, reconstruction::rows_of(m)), Contains("row 1"));
}

TEST_CASE("a reconstructor of other shapes") {
  const Reconstructor eight = fit_reconstructor(sound(), {.computed = 3});
  const Reconstructor nine = fit_reconstructor(sound(9), {.computed = 3});
  const Reconstructor matrix = fit_reconstructor(sound(24), {.computed = 3, .sample_queries = 3});
  Call call(3, 8);
  CHECK_NOTHROW(call({eight}));
  CHECK_NOTHROW(call({matrix}));
  CHECK_NOTHROW(call({eight, eight, eight, eight}));
  CHECK_THROWS_WITH(call({nine}), "reconstructors: number 0 is of samples with 9 elements; there are 8 keys");
  CHECK_THROWS_AS(call({eight, eight, eight, nine}), Incompatible);
  CHECK_THROWS_WITH(call({eight, eight, eight, matrix}), Contains("number 3 is of samples of 3 queries"));
  CHECK_THROWS_WITH(call({}), "reconstructors: 0 for 4 query heads; one is needed for all, or one for each");
  CHECK_THROWS_WITH(call({eight, eight}), Contains("2 for 4 query heads"));
  Call other(4, 8);
  CHECK_NOTHROW(other({eight}));
  CHECK_THROWS_WITH(
      other({matrix}),
      "reconstructors: number 0 is of samples of 3 queries x 8 keys; there are 4 queries and 8 keys");
}

TEST_CASE("options of attention that mean nothing when every key is attended to") {
  const Reconstructor r = fit_reconstructor(sound(), {.computed = 3});
  Call call(3, 8);
  call.options.sinks = 4;
  CHECK_THROWS_WITH(call({r}), Contains("sinks 4, window 0: with a reconstructor every key is attended to"));
  call.options.sinks = 0;
  call.options.window = 2;
  CHECK_THROWS_WITH(call({r}), Contains("window 2"));
  call.options.window = 0;
  call.options.score = heavykeys::Score::power(2);
  call.options.normalise = heavykeys::Normalise::all_keys;
  CHECK_THROWS_WITH(call({r}), Contains("normalise: all_keys"));
}

TEST_CASE("NaN is named: queries, keys whose scores are computed and others, values") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::size_t m = 3, n = 8;
  for (const bool matrices : {false, true}) {
    auto c = sound(matrices ? 24 : 8);
    const Reconstructor r = fit_reconstructor(
        c, {.computed = 3, .choice = heavykeys::Choice::strided, .sample_queries = matrices ? m : 1});
    Call call(m, n);
    std::vector<double> q(4 * m * 2, 1.0), k(2 * n * 2, 1.0), v(2 * n * 3, 1.0);
    q[2 * m * 2 + 2 * 2] = nan;  // head 2, row 2
    call.q.fill(q);
    CHECK_THROWS_WITH(call({r}), Contains("queries: batch 0, head 2: NaN at row 2, column 0"));
    call = Call(m, n);
    k[n * 2 + r.elements()[0] % n * 2 + 1] = nan;
    call.k.fill(k);
    CHECK_THROWS_WITH(call({r}), Contains("keys: batch 0, head 1: NaN at row " +
                                          std::to_string(r.elements()[0] % n) + ", column 1"));
    k.assign(k.size(), 1.0);
    std::size_t other = 0;  // a key none of whose scores is computed
    const auto is_computed = [&](std::size_t e) { return e % n == other; };
    while (std::any_of(r.elements().begin(), r.elements().end(), is_computed)) ++other;
    REQUIRE(other < n);
    for (const std::size_t head : {0, 1}) {
      call = Call(m, n);
      k.assign(k.size(), 1.0);
      k[(head * n + other) * 2] = nan;
      call.k.fill(k);
      CHECK_THROWS_WITH(call({r}), Contains("keys: batch 0, head " + std::to_string(head) + ": NaN at row " +
                                            std::to_string(other) + ", column 0"));
    }
    call = Call(m, n);
    v[5 * 3] = nan;
    call.v.fill(v);
    CHECK_THROWS_WITH(call({r}), Contains("values: batch 0, head 0: NaN at row 5, column 0"));
    call = Call(m, n);
    call.q.fill(std::vector<double>(4 * m * 2, 1e300));
    call.k.fill(std::vector<double>(2 * n * 2, 1e300));
    CHECK_THROWS_AS(call({r}), InvalidInput);
  }
}

namespace {

/// Element e varies `sizes[e]` times as the first does, which is the one computed.
Reconstructor multiples(const std::vector<double>& sizes, std::size_t sample_queries = 1) {
  double norm = 0;
  for (const double x : sizes) norm += x * x;
  heavykeys::PrincipalComponents c;
  c.dim = sizes.size();
  c.mean.assign(c.dim, 0.0);
  c.variances = {norm};
  for (const double x : sizes) {
    c.components.push_back(x / std::sqrt(norm));
    c.element_variances.push_back(x * x);
  }
  for (std::uint64_t seed = 0;; ++seed) {
    const Reconstructor r = fit_reconstructor(c, {.computed = 1,
                                                  .choice = heavykeys::Choice::random,
                                                  .ridge = 0,
                                                  .seed = seed,
                                                  .sample_queries = sample_queries});
    if (r.elements()[0] == 0) return r;
  }
}

}  // namespace

TEST_CASE("estimates that pass float64 are refused, and named") {
  const Reconstructor r = multiples({1, 1e8, 1e8, -1e8});
  const std::vector<double> partial{1, 2, 1e302, 3};
  CHECK_THROWS_WITH(heavykeys::reconstruct(r, heavykeys::rows(partial.data(), 4, 1)),
                    "partial: row 2: the estimate of element 1 passes float64");
  const std::vector<double> sample{1e302, 0, 0, 0};
  CHECK_THROWS_WITH(heavykeys::reconstruction_error(r, heavykeys::rows(sample.data(), 1, 4)),
                    "samples: row 0: the estimate of element 1 passes float64");
  for (const std::size_t m : {1, 2}) {  // samples that are rows, and that are matrices
    const Reconstructor one = m == 1 ? r : multiples({1, 1e8, 1, 1, 1, 1, 1, 1}, m);
    Call call(m, 4);
    for (const double size : {1e302, -1e302}) {
      std::vector<double> q(4 * m * 2, 1.0);
      q[2 * m * 2] = size;  // head 2, row 0
      call.q.fill(q);
      CHECK_THROWS_WITH(call({one}),
                        "queries: batch 0, head 2: the estimated score of row 0 with key 1 passes "
                        "float64");
    }
  }
  // What a query may not see may be anything.
  const Reconstructor matrix = multiples({1, 1, 1, 1e8, 1, 1, 1, 1}, 2);
  Call call(2, 4);
  call.q.fill(std::vector<double>(4 * 2 * 2, 1e302));
  CHECK_THROWS_WITH(call({matrix}), Contains("row 0 with key 3"));
  call.options.causal = true;  // row 0 sees keys 0, 1, 2
  CHECK_NOTHROW(call({matrix}));
  for (const double x : call.out.values()) CHECK(x == Approx(1.0));
}

TEST_CASE("errors whose squares pass float64 are refused") {
  const Reconstructor r = multiples({1, 2, 2, 1});
  const std::vector<double> samples{1, 2, 2, 1, 1e200, 0, 0, 0};
  CHECK_THROWS_WITH(
      heavykeys::reconstruction_error(r, heavykeys::rows(samples.data(), 2, 4)),
      Contains("samples: row 1: with it the squares add up to more than float64 holds (inf of"));
}
