// attend and attend_backward against the definition, over every score, mask, layout, grouping and head dim.
#include <catch2/catch.hpp>

#include "attention/reference.hpp"
#include "heavykeys/heavykeys.hpp"

using attention::Case;
using heavykeys::Dtype;
using heavykeys::Normalise;
using heavykeys::Score;
using support::Lie;

namespace {

const std::vector<Score> scores = {
    Score::softmax(),    Score::power(2),     Score::power(4),
    Score::power(1),     Score::power(3),     Score::power(1.5),
    Score::expressive(), Score::power(8),     Score::polynomial({0.25, 1, 0.5}),
    Score::power(0.5),   Score::softmax(-0.5)};

struct Setting {
  bool causal, with_until;
  std::size_t sinks, window;
};
const std::vector<Setting> masks = {{false, false, 0, 0}, {false, false, 3, 5}, {true, false, 0, 0},
                                    {true, false, 2, 7},  {true, true, 0, 0},   {true, true, 4, 1},
                                    {true, true, 0, 40}};

struct Heads {
  std::size_t query_heads, heads;
};
const std::vector<Heads> groups = {{1, 1}, {2, 2}, {3, 1}, {8, 2}};
const std::vector<std::size_t> dims = {16, 40, 64, 80, 128, 256, 17};
const std::vector<Lie> lies = {Lie::bhsd, Lie::bshd, Lie::scattered};

/// A case with its scores near 1, as models have them.
Case make(std::size_t s, std::size_t k, std::size_t g, std::size_t d, Dtype dtype, support::Random& random) {
  Case c;
  c.batch = 1 + random.below(2);
  c.query_heads = groups[g].query_heads;
  c.heads = groups[g].heads;
  c.m = std::vector<std::size_t>{1, 2, 16, 17, 33, 70}[random.below(6)];
  c.n = std::vector<std::size_t>{1, 20, 96, 97, 130, 200}[random.below(6)];
  c.d = d;
  c.dv = std::vector<std::size_t>{d, 1, 24}[random.below(3)];
  c.options.score = scores[s];
  c.options.scale = 1.0 / std::sqrt(static_cast<double>(d));
  c.options.causal = masks[k].causal;
  c.options.sinks = masks[k].sinks;
  c.options.window = masks[k].window;
  attention::draw(c, dtype, masks[k].with_until, random);
  return c;
}

void check(const Case& c, Dtype dtype, Lie lie, double tolerance) {
  INFO(attention::describe(c) << ", dtype " << name_of(dtype) << ", lie " << static_cast<int>(lie));
  const attention::Result truth = attention::reference(c), result = attention::computed(c, dtype, lie);
  CHECK(attention::distance(result.out, truth.out) <= tolerance);
  // Below p = 1 slopes have no bound at x = 0, and a rounding of x counts 1/|x| times.
  const bool is_root = c.options.score.kind == Score::Kind::power && c.options.score.parameter < 1;
  const double gradients = (is_root ? 400 : 20) * tolerance;
  CHECK(attention::distance(result.queries, truth.queries) <= gradients);
  CHECK(attention::distance(result.keys, truth.keys) <= gradients);
  CHECK(attention::distance(result.values, truth.values) <= tolerance);
}

}  // namespace

TEST_CASE(
    "float32 is within 1e-6 of the definition: every score with every mask, groups, dims and layouts in "
    "turn") {
  support::Random random(1);
  std::size_t turn = 0;
  for (std::size_t s = 0; s < scores.size(); ++s) {
    for (std::size_t k = 0; k < masks.size(); ++k, ++turn) {
      const Case c = make(s, k, turn % groups.size(), dims[turn % dims.size()], Dtype::f32, random);
      check(c, Dtype::f32, lies[turn % lies.size()], 1e-6);
    }
  }
}

TEST_CASE("float64 is within 1e-13 of the definition") {
  support::Random random(2);
  std::size_t turn = 0;
  for (std::size_t s = 0; s < scores.size(); ++s) {
    for (std::size_t k = 0; k < masks.size(); ++k, ++turn) {
      const Case c =
          make(s, k, (turn + 1) % groups.size(), dims[(turn / 2) % dims.size()], Dtype::f64, random);
      check(c, Dtype::f64, lies[turn % lies.size()], 1e-13);
    }
  }
}

TEST_CASE("float16 and bfloat16 are the float32 result, rounded once") {
  support::Random random(3);
  for (const Dtype dtype : {Dtype::f16, Dtype::bf16}) {
    for (std::size_t turn = 0; turn < 22; ++turn) {
      const Case c = make(turn % scores.size(), turn % masks.size(), turn % groups.size(),
                          dims[turn % dims.size()], dtype, random);
      INFO(attention::describe(c));
      // The inputs are of the dtype, so float32 has the same ones.
      const attention::Result wide = attention::computed(c, Dtype::f32, Lie::bhsd);
      const attention::Result narrow = attention::computed(c, dtype, lies[turn % lies.size()]);
      CHECK(narrow.out == support::rounded(wide.out, dtype));
      CHECK(narrow.values == support::rounded(wide.values, dtype));
      // The gradients of queries and keys see `out` itself, rounded: half an ulp of it, times grad_out.
      const double ulp = dtype == Dtype::f16 ? 0x1p-10 : 0x1p-7;
      CHECK(attention::distance(narrow.queries, wide.queries) <= 4 * ulp);
      CHECK(attention::distance(narrow.keys, wide.keys) <= 4 * ulp);
    }
  }
}

TEST_CASE("normalised over all keys: every score with a closed form, with every mask") {
  support::Random random(4);
  const std::vector<std::pair<Score, std::size_t>> closed = {{Score::power(2), 64},
                                                             {Score::power(2), 17},
                                                             {Score::power(4), 16},
                                                             {Score::power(6), 7},
                                                             {Score::power(8), 4},
                                                             {Score::polynomial({0.25, 1, 0.5}), 12},
                                                             {Score::polynomial({0, 0, 1, 0.125}), 5}};
  for (const auto& [score, d] : closed) {
    for (std::size_t k = 0; k < masks.size(); ++k) {
      for (const Dtype dtype : {Dtype::f64, Dtype::f32}) {
        Case c = make(0, k, k % groups.size(), d, dtype, random);
        c.n = 60 + random.below(140);  // enough keys that no query is nearly orthogonal to all of them
        c.options.score = score;
        c.options.normalise = Normalise::all_keys;
        if (c.options.causal) c.m = std::min<std::size_t>(c.m, 20);
        attention::draw(c, dtype, masks[k].with_until, random);
        check(c, dtype, lies[k % lies.size()], dtype == Dtype::f64 ? 1e-12 : 1e-6);
      }
    }
  }
}

TEST_CASE("the reference's gradients are those of its output: central differences") {
  support::Random random(5);
  for (std::size_t s = 0; s < scores.size(); ++s) {
    Case c = make(s, s % masks.size(), 2, 5, Dtype::f64, random);
    c.m = 3;
    c.n = 7;
    c.options.scale = 0.7;
    if (scores[s].kind == Score::Kind::polynomial) c.options.normalise = Normalise::all_keys;
    attention::draw(c, Dtype::f64, masks[s % masks.size()].with_until, random);
    const attention::Result truth = attention::reference(c);
    const auto loss = [&] {
      const attention::Result r = attention::reference(c);
      double sum = 0;
      for (std::size_t i = 0; i < r.out.size(); ++i) sum += r.out[i] * c.grad_out[i];
      return sum;
    };
    const auto by = [&](std::vector<double>& values, const std::vector<double>& gradient) {
      for (std::size_t i = 0; i < values.size(); i += 3) {
        const double h = 1e-5, x = values[i];
        values[i] = x + h;
        const double up = loss();
        values[i] = x - h;
        const double down = loss();
        values[i] = x;
        INFO(attention::describe(c) << " element " << i);
        CHECK((up - down) / (2 * h) == Approx(gradient[i]).epsilon(1e-5).margin(1e-6));
      }
    };
    if (scores[s].kind == Score::Kind::power && scores[s].parameter < 1) continue;  // slopes without bound
    by(c.queries, truth.queries);
    by(c.keys, truth.keys);
    by(c.values, truth.values);
  }
}
