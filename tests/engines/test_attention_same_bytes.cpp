// attend and attend_backward: the same bytes from every runtime, thread count and instruction set; and, where
// there is no mask, whatever other queries are in the call.
#include <catch2/catch.hpp>

#include "attention/reference.hpp"
#include "engines/engine.hpp"

using attention::Case;
using heavykeys::Dtype;
using heavykeys::Score;
using support::Lie;
using support::TensorBuffer;

namespace {

/// All bytes that a call makes.
std::vector<std::vector<std::byte>> bytes_of(const Case& c, Dtype dtype, const engines::Engine& engine) {
  TensorBuffer q(dtype, Lie::bhsd, c.batch, c.query_heads, c.m, c.d),
      k(dtype, Lie::bshd, c.batch, c.heads, c.n, c.d);
  TensorBuffer v(dtype, Lie::bhsd, c.batch, c.heads, c.n, c.dv),
      out(dtype, Lie::bshd, c.batch, c.query_heads, c.m, c.dv);
  TensorBuffer grad(dtype, Lie::bhsd, c.batch, c.query_heads, c.m, c.dv), dq = q, dk = k, dv = v;
  q.fill(c.queries);
  k.fill(c.keys);
  v.fill(c.values);
  grad.fill(c.grad_out);
  const heavykeys::AttendGradients gradients{dq.mutable_view(), dk.mutable_view(), dv.mutable_view()};
  heavykeys::AttendSums sums;
  if (engine.schedule == engines::Schedule::streaming) {
    sums = heavykeys::attend(q.view(), k.view(), v.view(), c.sets, c.options, out.mutable_view());
    heavykeys::attend_backward(q.view(), k.view(), v.view(), c.sets, c.options, out.view(), sums, grad.view(),
                               gradients);
  } else {
    sums = heavykeys::parallel::attend(q.view(), k.view(), v.view(), c.sets, c.options, out.mutable_view(),
                                       engine.options());
    heavykeys::parallel::attend_backward(q.view(), k.view(), v.view(), c.sets, c.options, out.view(), sums,
                                         grad.view(), gradients, engine.options());
  }
  std::vector<std::vector<std::byte>> all{out.bytes(), dq.bytes(), dk.bytes(), dv.bytes()};
  for (const auto* numbers : {&sums.shift, &sums.sum}) {
    const auto* first = reinterpret_cast<const std::byte*>(numbers->data());
    all.emplace_back(first, first + numbers->size() * sizeof(double));
  }
  return all;
}

const std::vector<Score> scores = {Score::softmax(0.125), Score::power(2),     Score::power(1.5),
                                   Score::power(3),       Score::expressive(), Score::polynomial({0.5, 1, 2}),
                                   Score::power(6)};
const std::vector<Dtype> dtypes = {Dtype::f32, Dtype::bf16, Dtype::f64, Dtype::f16};

Case make(std::size_t turn, Dtype dtype, support::Random& random) {
  Case c;
  c.batch = 1 + turn % 2;
  c.heads = 1 + turn % 3;
  c.query_heads = c.heads * (1 + random.below(3));
  c.m = 1 + random.below(300);
  c.n = 1 + random.below(300);
  c.d = 1 + random.below(70);
  c.dv = 1 + random.below(70);
  c.options.score = scores[turn % scores.size()];
  c.options.causal = turn % 2 == 1;
  c.options.sinks = turn % 4;
  c.options.window = turn % 5 * 9;
  attention::draw(c, dtype, turn % 4 == 1, random);
  if (c.options.score == Score::power(2) || (c.options.score.kind == Score::Kind::polynomial && c.d < 40)) {
    c.options.normalise = heavykeys::Normalise::all_keys;
  }
  return c;
}

}  // namespace

TEST_CASE("attention: every engine, thread count and instruction set gives the same bytes") {
  support::Random random(7);
  for (std::size_t turn = 0; turn < 28; ++turn) {
    const Dtype dtype = dtypes[turn % dtypes.size()];
    const Case c = make(turn, dtype, random);
    INFO(attention::describe(c) << " " << name_of(dtype));
    const auto one = bytes_of(c, dtype, {});
    for (const auto schedule : engines::built()) {
      for (const int threads : {1, 2, 5}) CHECK(bytes_of(c, dtype, {schedule, threads}) == one);
    }
    for (const std::string& isa : heavykeys::available_isas()) {
      const engines::UsingIsa forced(isa);
      INFO(isa);
      CHECK(bytes_of(c, dtype, {}) == one);
    }
  }
}

TEST_CASE("without a mask a query's output does not depend on the other queries of the call") {
  support::Random random(8);
  for (std::size_t turn = 0; turn < 2 * scores.size(); ++turn) {
    Case c = make(2 * turn, Dtype::f32, random);
    c.options.normalise = heavykeys::Normalise::attended;
    c.batch = 1;
    c.m = 50 + random.below(200);
    attention::draw(c, Dtype::f32, false, random);
    REQUIRE(!c.options.causal);
    const std::vector<double> all = attention::computed(c, Dtype::f32, Lie::bhsd).out;
    for (const std::size_t row : {std::size_t{0}, std::size_t{17}, c.m - 1}) {
      Case one = c;
      one.m = 1;
      one.queries.clear();
      one.grad_out.assign(c.query_heads * c.dv, 0.0);
      for (std::size_t h = 0; h < c.query_heads; ++h) {
        const auto q = c.queries.begin() + static_cast<std::ptrdiff_t>((h * c.m + row) * c.d);
        one.queries.insert(one.queries.end(), q, q + static_cast<std::ptrdiff_t>(c.d));
      }
      const std::vector<double> alone = attention::computed(one, Dtype::f32, Lie::bhsd).out;
      for (std::size_t h = 0; h < c.query_heads; ++h) {
        for (std::size_t e = 0; e < c.dv; ++e) CHECK(alone[h * c.dv + e] == all[(h * c.m + row) * c.dv + e]);
      }
    }
  }
}
