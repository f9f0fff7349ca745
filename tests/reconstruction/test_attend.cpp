// Attention from partially computed scores, against its definition in long double.
#include <catch2/catch.hpp>
#include <cmath>

#include "attention/reference.hpp"
#include "engines/engine.hpp"
#include "heavykeys/heavykeys.hpp"
#include "heavykeys/parallel.hpp"
#include "reconstruction/reference.hpp"

using attention::Case;
using heavykeys::Dtype;
using heavykeys::Reconstructor;
using heavykeys::Score;
using reconstruction::Real;
using support::Lie;
using support::TensorBuffer;

namespace {

/// Of `queries` rows of scores: one for each query head, or one for all.
std::vector<Reconstructor> fit(const Case& c, std::size_t queries, std::size_t computed, bool one,
                               support::Random& random) {
  std::vector<Reconstructor> out;
  for (std::size_t h = 0; h < (one ? 1 : c.query_heads); ++h) {
    const std::size_t p = queries * c.n;
    const auto model =
        reconstruction::model(p, 1 + random.below(std::min<std::size_t>(p, 12)), 0.8, 0.1, random);
    out.push_back(
        heavykeys::fit_reconstructor(model, {.computed = std::min(p, computed), .sample_queries = queries}));
  }
  return out;
}

double score(const Score& f, double x, double shift) {
  if (f.kind == Score::Kind::softmax) return std::exp(f.parameter * x - shift);
  return f(x);
}

/// Scores as they are, those not computed by `reconstruct`, then the definition.
std::vector<double> expected(const Case& c, const std::vector<Reconstructor>& reconstructors) {
  std::vector<double> out(c.batch * c.query_heads * c.m * c.dv);
  for (std::size_t unit = 0; unit < c.batch * c.query_heads; ++unit) {
    const std::size_t b = unit / c.query_heads, h = unit % c.query_heads;
    const std::size_t kv = b * c.heads + h / (c.query_heads / c.heads);
    const Reconstructor& r = reconstructors[reconstructors.size() == 1 ? 0 : h];
    const double own = c.options.score.kind == Score::Kind::softmax ? c.options.score.parameter : 1.0;
    support::Matrix x(c.m * c.n / r.dim(), r.dim());
    for (std::size_t i = 0; i < c.m; ++i) {
      for (std::size_t j = 0; j < c.n; ++j) {
        Real dot = 0;
        for (std::size_t e = 0; e < c.d; ++e) {
          dot += static_cast<Real>(c.queries[(unit * c.m + i) * c.d + e]) *
                 static_cast<Real>(c.keys[(kv * c.n + j) * c.d + e]);
        }
        x.values[i * c.n + j] = static_cast<double>(own * c.options.scale * dot);
      }
    }
    const support::Matrix partial = reconstruction::columns(x, reconstruction::elements_of(r));
    const std::vector<double> whole = heavykeys::reconstruct(r, reconstruction::rows_of(partial));
    for (std::size_t i = 0; i < c.m; ++i) {
      const std::size_t sees = c.options.causal ? c.n + i + 1 - std::min(c.n + i + 1, c.m) : c.n;
      Real shift = -1e4000L, sum = 0;
      for (std::size_t j = 0; j < sees; ++j) shift = std::max(shift, static_cast<Real>(whole[i * c.n + j]));
      std::vector<Real> o(c.dv);
      for (std::size_t j = 0; j < sees; ++j) {
        const Real f = score(c.options.score, whole[i * c.n + j] / own, static_cast<double>(shift));
        sum += f;
        for (std::size_t e = 0; e < c.dv; ++e) {
          o[e] += f * static_cast<Real>(c.values[(kv * c.n + j) * c.dv + e]);
        }
      }
      for (std::size_t e = 0; e < c.dv; ++e) {
        out[(unit * c.m + i) * c.dv + e] = sum == 0 ? 0 : static_cast<double>(o[e] / sum);
      }
    }
  }
  return out;
}

TensorBuffer computed(const Case& c, const std::vector<Reconstructor>& reconstructors, Dtype dtype, Lie lie,
                      const engines::Engine& engine = {}) {
  TensorBuffer q(dtype, lie, c.batch, c.query_heads, c.m, c.d), k(dtype, lie, c.batch, c.heads, c.n, c.d);
  TensorBuffer v(dtype, lie, c.batch, c.heads, c.n, c.dv), out(dtype, lie, c.batch, c.query_heads, c.m, c.dv);
  q.fill(c.queries);
  k.fill(c.keys);
  v.fill(c.values);
  if (engine.schedule == engines::Schedule::streaming) {
    heavykeys::attend(q.view(), k.view(), v.view(), reconstructors, c.options, out.mutable_view());
  } else {
    heavykeys::parallel::attend(q.view(), k.view(), v.view(), reconstructors, c.options, out.mutable_view(),
                                engine.options());
  }
  CHECK(out.gaps_are_untouched());
  return out;
}

const std::vector<Score> scores = {Score::softmax(0.3), Score::power(2), Score::expressive(),
                                   Score::polynomial({0.5, 1, 2}), Score::power(1.5)};
const std::vector<Dtype> dtypes = {Dtype::f64, Dtype::f32, Dtype::bf16, Dtype::f16};

/// What rounding of an output to the dtype may cost.
double tolerance(Dtype dtype) {
  switch (dtype) {
    case Dtype::f64:
      return 1e-12;
    case Dtype::f32:
      return 1e-7;
    case Dtype::f16:
      return 0x1p-11;
    default:
      return 0x1p-8;
  }
}

Case make(std::size_t turn, bool matrices, Dtype dtype, support::Random& random) {
  Case c;
  c.batch = 1 + turn % 2;
  c.heads = 1 + turn % 3;
  c.query_heads = c.heads * (1 + random.below(3));
  c.m = 1 + random.below(matrices ? 40 : 150);
  c.n = 1 + random.below(matrices ? 40 : 300);
  c.d = 1 + random.below(40);
  c.dv = 1 + random.below(40);
  c.options.score = scores[turn % scores.size()];
  c.options.causal = random.coin();
  c.options.scale = 0.4;
  attention::draw(c, dtype, false, random);
  return c;
}

}  // namespace

TEST_CASE("rows and whole matrices: attention by its definition, of every dtype and layout") {
  support::Random random(31);
  for (std::size_t turn = 0; turn < 60; ++turn) {
    const Dtype dtype = dtypes[turn % dtypes.size()];
    const bool matrices = turn % 3 == 2;
    const Case c = make(turn, matrices, dtype, random);
    if (matrices && c.m == 1) continue;
    const auto r = fit(c, matrices ? c.m : 1, 1 + random.below(matrices ? 100 : c.n), turn % 2 == 0, random);
    const Lie lie = std::vector{Lie::bhsd, Lie::bshd, Lie::scattered}[turn / 3 % 3];
    INFO(attention::describe(c) << (matrices ? " matrices " : " rows ") << name_of(dtype) << " "
                                << r[0].elements().size());
    CHECK(attention::distance(computed(c, r, dtype, lie).values(), expected(c, r)) <= tolerance(dtype));
  }
}

TEST_CASE("with every score computed it is attention over every key") {
  support::Random random(32);
  for (std::size_t turn = 0; turn < 20; ++turn) {
    const bool matrices = turn % 2 == 1;
    Case c = make(turn, matrices, Dtype::f64, random);
    if (matrices && c.m == 1) continue;
    const auto r = fit(c, matrices ? c.m : 1, c.n * c.m, true, random);
    c.sets = heavykeys::every_key(c.batch, c.heads, c.n);
    c.grad_out.assign(c.batch * c.query_heads * c.m * c.dv, 0.0);
    const std::vector<double> whole = attention::computed(c, Dtype::f64, Lie::bhsd).out;
    INFO(attention::describe(c) << (matrices ? " matrices" : " rows"));
    CHECK(attention::distance(computed(c, r, Dtype::f64, Lie::bhsd).values(), whole) <= 1e-12);
  }
}

TEST_CASE("scores of low rank come back from few of them, and with them attention") {
  support::Random random(33);
  Case c;
  c.m = 50, c.n = 64, c.d = 5, c.dv = 7;
  attention::draw(c, Dtype::f64, false, random);
  c.sets = heavykeys::every_key(1, 1, 64);
  // Rows of scores span d dimensions: the covariance of many queries has rank d.
  support::Matrix rows(200, 64);
  for (std::size_t i = 0; i < rows.rows; ++i) {
    std::vector<double> q(c.d);
    for (double& x : q) x = random.gaussian();
    for (std::size_t j = 0; j < c.n; ++j) {
      for (std::size_t e = 0; e < c.d; ++e) rows(i, j) += q[e] * c.keys[j * c.d + e];
    }
  }
  const auto components = reconstruction::components_of(rows);
  const auto r = heavykeys::fit_reconstructor(components, {.computed = 5, .components = 5, .ridge = 0});
  const std::vector<double> whole = attention::computed(c, Dtype::f64, Lie::bhsd).out;
  CHECK(attention::distance(computed(c, {r}, Dtype::f64, Lie::bhsd).values(), whole) <= 1e-10);
}

TEST_CASE("the same bytes from every engine, thread count and instruction set") {
  support::Random random(34);
  for (std::size_t turn = 0; turn < 12; ++turn) {
    const Dtype dtype = dtypes[turn % dtypes.size()];
    const bool matrices = turn % 3 == 2;
    const Case c = make(turn, matrices, dtype, random);
    if (matrices && c.m == 1) continue;
    const auto r = fit(c, matrices ? c.m : 1, 1 + random.below(40), turn % 2 == 0, random);
    const auto model = reconstruction::model(77, 9, 0.8, 0.1, random);
    const auto partial = reconstruction::draw(model, 130, random);
    const auto rebuilt = [&](auto... engine) {
      const Reconstructor one = heavykeys::fit_reconstructor(model, {.computed = 20});
      const auto rows = reconstruction::columns(partial, reconstruction::elements_of(one));
      if constexpr (sizeof...(engine) == 0) {
        return heavykeys::reconstruct(one, reconstruction::rows_of(rows));
      } else {
        return heavykeys::parallel::reconstruct(one, reconstruction::rows_of(rows), engine.options()...);
      }
    };
    const auto one = computed(c, r, dtype, Lie::bhsd).bytes();
    const std::vector<double> rows = rebuilt();
    INFO(attention::describe(c) << (matrices ? " matrices " : " rows ") << name_of(dtype));
    for (const auto schedule : engines::built()) {
      for (const int threads : {1, 2, 5}) {
        const engines::Engine engine{schedule, threads};
        CHECK(computed(c, r, dtype, Lie::bhsd, engine).bytes() == one);
        CHECK(rebuilt(engine) == rows);
      }
    }
    for (const std::string& isa : heavykeys::available_isas()) {
      const engines::UsingIsa forced(isa);
      INFO(isa);
      CHECK(computed(c, r, dtype, Lie::bhsd).bytes() == one);
      CHECK(rebuilt() == rows);
    }
  }
}

TEST_CASE("a row of the result does not depend on the other queries of the call") {
  support::Random random(35);
  Case c = make(0, false, Dtype::f32, random);
  c.options.causal = false;
  c.batch = c.query_heads = c.heads = 1;
  c.m = 140, c.n = 90;
  attention::draw(c, Dtype::f32, false, random);
  const auto r = fit(c, 1, 20, true, random);
  const std::vector<double> all = computed(c, r, Dtype::f32, Lie::bhsd).values();
  for (const std::size_t row : {std::size_t{0}, std::size_t{31}, std::size_t{139}}) {
    Case one = c;
    one.m = 1;
    one.queries.assign(c.queries.begin() + static_cast<std::ptrdiff_t>(row * c.d),
                       c.queries.begin() + static_cast<std::ptrdiff_t>((row + 1) * c.d));
    const std::vector<double> alone = computed(one, r, Dtype::f32, Lie::bhsd).values();
    CHECK(std::equal(alone.begin(), alone.end(), all.begin() + static_cast<std::ptrdiff_t>(row * c.dv)));
  }
}

TEST_CASE("no queries and no batch entries: nothing to do") {
  support::Random random(36);
  Case c;
  c.m = 0, c.n = 4;
  attention::draw(c, Dtype::f32, false, random);
  const auto r = fit(c, 1, 2, true, random);
  CHECK(computed(c, r, Dtype::f32, Lie::bhsd).values().empty());
  c.m = 3, c.batch = 0;
  attention::draw(c, Dtype::f32, false, random);
  CHECK(computed(c, r, Dtype::f32, Lie::bhsd).values().empty());
}
