// What attention refuses: the text names the argument, and where a value is bad, which.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "attention/reference.hpp"
#include "heavykeys/heavykeys.hpp"
#include "heavykeys/parallel.hpp"

using attention::Case;
using Catch::Contains;
using heavykeys::Dtype;
using heavykeys::InvalidInput;
using heavykeys::Score;
using support::Lie;

namespace {

Case sound() {
  support::Random random(1);
  Case c;
  c.batch = 2, c.query_heads = 4, c.heads = 2, c.m = 3, c.n = 5, c.d = 4, c.dv = 3;
  attention::draw(c, Dtype::f32, false, random);
  c.sets = heavykeys::every_key(2, 2, 5);
  return c;
}

#define CHECK_REFUSED(c, text) \
  CHECK_THROWS_WITH(attention::computed(c, Dtype::f32, Lie::bhsd), Contains(text))

}  // namespace

TEST_CASE("sets that are not of these keys") {
  Case c = sound();
  REQUIRE_NOTHROW(attention::computed(c, Dtype::f32, Lie::bhsd));
  c.sets.key_count = 6;
  CHECK_REFUSED(c, "sets: 2 x 2 lists over 6 keys; the keys are 2 x 2 heads of 5");
  c = sound();
  c.sets.heads = 4;
  CHECK_REFUSED(c, "sets: 2 x 4 lists");
  c = sound();
  c.sets.keys[1] = 0;  // twice
  CHECK_REFUSED(c, "sets: key 0 of batch 0, head 0");
  c = sound();
  c.sets.keys.back() = 5;
  CHECK_REFUSED(c, "sets: key 5 of batch 1, head 1");
  c = sound();
  c.sets.keys.front() = -1;
  CHECK_REFUSED(c, "sets: key -1");
  c = sound();
  c.sets.indptr[1] = 11;
  CHECK_REFUSED(c, "sets: indptr");
  c = sound();
  c.sets.indptr.pop_back();
  CHECK_REFUSED(c, "sets: indptr");
  c = sound();
  c.sets.until.assign(c.sets.keys.size(), 5);
  CHECK_REFUSED(c, "until");
  c.options.causal = true;
  CHECK_NOTHROW(attention::computed(c, Dtype::f32, Lie::bhsd));
  c.sets.until.pop_back();
  CHECK_REFUSED(c, "until has 19 entries for 20 keys");
}

TEST_CASE("heads, scores and scales") {
  Case c = sound();
  c.query_heads = 3;
  CHECK_REFUSED(c, "queries: 3 heads are not a multiple of the 2 of the keys");
  c = sound();
  c.options.score = Score::custom(
      "huber", [](double x) { return std::min(x * x, std::abs(x)); }, 2);
  CHECK_REFUSED(c, "score custom:huber");
  c = sound();
  c.options.scale = 0;
  CHECK_REFUSED(c, "scale 0");
  c.options.scale = std::numeric_limits<double>::infinity();
  CHECK_REFUSED(c, "scale");
  for (const Score& score :
       {Score::softmax(), Score::power(3), Score::power(2.5), Score::power(10), Score::expressive()}) {
    c = sound();
    c.options.score = score;
    c.options.normalise = heavykeys::Normalise::all_keys;
    CHECK_REFUSED(c, "normalise: the sum over all keys of score " + score.name());
  }
}

TEST_CASE("NaN and Inf are named where they lie; unused rows are not looked at") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Case c = sound();
  c.queries[((1 * 4 + 3) * 3 + 2) * 4 + 1] = nan;
  CHECK_REFUSED(c, "queries: batch 1, head 3: NaN at row 2, column 1");
  c = sound();
  c.keys[((0 * 2 + 1) * 5 + 4) * 4 + 0] = -std::numeric_limits<double>::infinity();
  CHECK_REFUSED(c, "keys: batch 0, head 1: -Inf at row 4, column 0");
  c.sets = heavykeys::every_key(2, 2, 5);
  c.sets.keys.erase(c.sets.keys.begin() + 9);  // that row
  for (std::size_t u = 2; u < 5; ++u) --c.sets.indptr[u];
  CHECK_NOTHROW(attention::computed(c, Dtype::f32, Lie::bhsd));
  c = sound();
  c.values[((1 * 2 + 0) * 5 + 3) * 3 + 2] = nan;
  CHECK_REFUSED(c, "values: batch 1, head 0: NaN at row 3, column 2");
  c = sound();
  for (double& x : c.queries) x = 1e30;
  for (double& x : c.keys) x = 1e30;
  CHECK_REFUSED(c, "queries: their products with the keys could pass float32");
  CHECK_NOTHROW(attention::computed(c, Dtype::f64, Lie::bhsd));
  c.options.score = Score::polynomial({0, 0, 0, 1});  // which x^6 passes
  for (double& x : c.queries) x *= 1e30;
  CHECK_REFUSED(c, "the sum of the weights of row 0 is not finite");
}

TEST_CASE("shapes and dtypes of tensors name the argument") {
  const std::vector<float> data(1000);
  const auto view = [&](Dtype dtype, std::size_t b, std::size_t h, std::size_t s, std::size_t d) {
    return heavykeys::tensor(static_cast<const void*>(data.data()), dtype, heavykeys::Layout::bhsd, b, h, s,
                             d);
  };
  std::vector<float> written(1000);
  const auto out =
      heavykeys::tensor(static_cast<void*>(written.data()), Dtype::f32, heavykeys::Layout::bhsd, 1, 2, 3, 4);
  const auto q = view(Dtype::f32, 1, 2, 3, 4), k = view(Dtype::f32, 1, 2, 5, 4);
  const heavykeys::KeySets sets = heavykeys::every_key(1, 2, 5);
  const auto call = [&](const auto& queries, const auto& keys, const auto& values, const auto& result) {
    return heavykeys::attend(queries, keys, values, sets, {}, result);
  };
  CHECK_NOTHROW(call(q, k, k, out));
  CHECK_THROWS_WITH(call(q, view(Dtype::f32, 1, 2, 5, 3), k, out),
                    Contains("keys: shape [1, 2, 5, 3]; it must be [1, 2, 5, 4]"));
  CHECK_THROWS_WITH(call(q, k, view(Dtype::f32, 1, 2, 6, 4), out), Contains("values: shape [1, 2, 6, 4]"));
  CHECK_THROWS_WITH(call(q, view(Dtype::f64, 1, 2, 5, 4), k, out),
                    Contains("keys: float64, but the queries are float32"));
  auto wide = out;
  wide.dim = 5;
  CHECK_THROWS_WITH(call(q, k, k, wide), Contains("out: shape [1, 2, 3, 5]; it must be [1, 2, 3, 4]"));
  CHECK_THROWS_WITH(call(view(Dtype::f32, 1, 2, 3, 0), view(Dtype::f32, 1, 2, 5, 0), k, out),
                    Contains("d = 0"));
  CHECK_THROWS_AS(heavykeys::attend_backward(q, k, k, sets, {}, out, {}, out, {}), InvalidInput);
  CHECK_THROWS_WITH(heavykeys::universal_keys({.dim = 3, .epsilon = 0.5}, k), Contains("keys: dim 4"));
  CHECK_THROWS_WITH(heavykeys::universal_keys({.epsilon = 0.0}, k), Contains("epsilon"));
}

TEST_CASE("NaN in grad_out is passed on to the gradients it touches, and to no other query") {
  Case c = sound();
  c.grad_out[0] = std::numeric_limits<double>::quiet_NaN();  // batch 0, head 0, row 0
  const attention::Result r = attention::computed(c, Dtype::f32, Lie::bhsd);
  CHECK(std::isnan(r.queries[0]));
  CHECK(std::isnan(r.keys[0]));
  CHECK(std::isnan(r.values[0]));
  CHECK(std::isfinite(r.queries[c.d]));               // row 1
  CHECK(std::isfinite(r.keys[c.heads * c.n * c.d]));  // batch 1
  CHECK(std::isfinite(r.values[c.n * c.dv]));         // KV head 1
}
