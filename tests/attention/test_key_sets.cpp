// The lists attention is restricted to: universal sets, those of prefixes, the keys of greatest leverage.
#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>

#include "attention/reference.hpp"
#include "heavykeys/heavykeys.hpp"
#include "heavykeys/parallel.hpp"
#include "heavykeys/streaming.hpp"
#include "support/families.hpp"

using heavykeys::Dtype;
using heavykeys::KeySets;
using heavykeys::Spec;
using support::Lie;
using support::TensorBuffer;

namespace {

/// [batch, heads, n, d] of rows from every adversarial family in turn.
TensorBuffer make_keys(std::size_t batch, std::size_t heads, std::size_t n, std::size_t d, Dtype dtype,
                       Lie lie, support::Random& random) {
  std::vector<double> values;
  for (std::size_t unit = 0; unit < batch * heads; ++unit) {
    const auto& family = support::families()[random.below(support::families().size())];
    support::Matrix m = family.make({.n = n, .d = d, .grid_bits = 20}, random);
    m.values.resize(n * d);  // a family may return fewer rows: the rest are zeros
    values.insert(values.end(), m.values.begin(), m.values.end());
  }
  TensorBuffer keys(dtype, lie, batch, heads, n, d);
  keys.fill(values);
  return keys;
}

std::vector<std::int64_t> list_of(const KeySets& sets, std::size_t unit) {
  return {sets.keys.begin() + sets.indptr[unit], sets.keys.begin() + sets.indptr[unit + 1]};
}

/// U of the first `count` rows of a head, from a sketch.
std::vector<std::int64_t> members(const Spec& spec, const heavykeys::Rows& rows, std::size_t count) {
  heavykeys::Sketch sketch(spec);
  heavykeys::streaming::absorb(sketch, rows.slice(0, count));
  const heavykeys::UniversalSet set = heavykeys::finalize(sketch);
  std::vector<std::int64_t> out;
  for (const auto& id : set.ids()) out.push_back(static_cast<std::int64_t>(id.row));
  return out;
}

}  // namespace

TEST_CASE("universal_keys is finalize, head by head, for every score and layout") {
  support::Random random(1);
  for (const auto& score :
       {heavykeys::Score::power(2), heavykeys::Score::power(4), heavykeys::Score::expressive()}) {
    for (const Lie lie : {Lie::bhsd, Lie::bshd, Lie::scattered}) {
      const TensorBuffer keys = make_keys(2, 3, 90, 4, Dtype::f32, lie, random);
      Spec spec{.epsilon = 0.2, .score = score, .block_rows = 32};
      const KeySets sets = heavykeys::universal_keys(spec, keys.view());
      CHECK(sets == heavykeys::parallel::universal_keys(spec, keys.view(), {.threads = 3}));
      spec.dim = 4;
      REQUIRE(sets.indptr.size() == 7);
      CHECK(sets.until.empty());
      std::vector<heavykeys::UniversalSet> all;
      for (std::size_t unit = 0; unit < 6; ++unit) {
        CHECK(list_of(sets, unit) == members(spec, keys.view().head(unit / 3, unit % 3), 90));
        heavykeys::Sketch sketch(spec);
        heavykeys::streaming::absorb(sketch, keys.view().head(unit / 3, unit % 3));
        all.push_back(heavykeys::finalize(sketch));
      }
      CHECK(heavykeys::key_sets(all, 2, 3) == sets);
    }
  }
}

TEST_CASE(
    "prefix_keys: the query at t has the universal set of the whole blocks before it, and its own block") {
  support::Random random(2);
  std::size_t ended = 0;
  for (int turn = 0; turn < 12; ++turn) {
    const std::size_t n = 60 + random.below(60), block = turn % 2 == 0 ? 16 : 32;
    const TensorBuffer keys = make_keys(1, 2, n, 3, Dtype::f32, Lie::bhsd, random);
    const Spec spec{.dim = 3,
                    .epsilon = 0.2,
                    .score = turn % 3 == 0 ? heavykeys::Score::expressive() : heavykeys::Score(),
                    .block_rows = block};
    const KeySets sets = heavykeys::prefix_keys(spec, keys.view());
    CHECK(sets == heavykeys::parallel::prefix_keys(spec, keys.view(), {.threads = 2}));
    for (std::size_t unit = 0; unit < 2; ++unit) {
      for (std::size_t t = 0; t < n; ++t) {
        const std::size_t begin = t / block * block;
        std::vector<std::int64_t> expected = members(spec, keys.view().head(0, unit), begin);
        for (std::size_t r = begin; r <= t; ++r) expected.push_back(static_cast<std::int64_t>(r));
        std::vector<std::int64_t> served;
        for (auto i = static_cast<std::size_t>(sets.indptr[unit]);
             i < static_cast<std::size_t>(sets.indptr[unit + 1]); ++i) {
          if (sets.keys[i] <= static_cast<std::int64_t>(t) && static_cast<std::int64_t>(t) < sets.until[i]) {
            served.push_back(sets.keys[i]);
          } else {
            ++ended;
          }
        }
        REQUIRE(served == expected);
      }
    }
  }
  CHECK(ended > 1000);
}

TEST_CASE("causal attention over prefix sets is, query by query, attention of that prefix to its set") {
  support::Random random(3);
  const std::size_t n = 80, d = 6, dv = 5;
  attention::Case whole;
  whole.batch = 1, whole.query_heads = 2, whole.heads = 1, whole.m = n, whole.n = n, whole.d = d,
  whole.dv = dv;
  whole.options.score = heavykeys::Score::power(2);
  whole.options.causal = true;
  attention::draw(whole, Dtype::f64, false, random);
  const Spec spec{.dim = d, .epsilon = 0.15, .block_rows = 16};
  const auto keys = heavykeys::tensor(static_cast<const void*>(whole.keys.data()), Dtype::f64,
                                      heavykeys::Layout::bhsd, 1, 1, n, d);
  whole.sets = heavykeys::prefix_keys(spec, keys);
  const attention::Result all = attention::computed(whole, Dtype::f64, Lie::bhsd);
  for (std::size_t t = 0; t < n; ++t) {
    attention::Case one = whole;
    one.m = 1, one.n = t + 1, one.options.causal = false;
    one.keys.resize((t + 1) * d);
    one.values.resize((t + 1) * dv);
    one.queries.clear(), one.grad_out.clear();
    for (std::size_t h = 0; h < 2; ++h) {
      const auto q = whole.queries.begin() + static_cast<std::ptrdiff_t>((h * n + t) * d);
      one.queries.insert(one.queries.end(), q, q + static_cast<std::ptrdiff_t>(d));
      one.grad_out.resize(one.grad_out.size() + dv, 1.0);
    }
    std::vector<std::int64_t> set = members(spec, keys.head(0, 0), t / 16 * 16);
    for (std::size_t r = t / 16 * 16; r <= t; ++r) set.push_back(static_cast<std::int64_t>(r));
    one.sets = {1, 1, static_cast<std::int64_t>(t + 1), {0, static_cast<std::int64_t>(set.size())}, set, {}};
    const attention::Result part = attention::computed(one, Dtype::f64, Lie::bhsd);
    for (std::size_t h = 0; h < 2; ++h) {
      for (std::size_t c = 0; c < dv; ++c) {
        CHECK(part.out[h * dv + c] == Approx(all.out[(h * n + t) * dv + c]).epsilon(1e-12).margin(1e-13));
      }
    }
  }
}

TEST_CASE("top_keys: the greatest leverages, ties to the earlier key") {
  support::Random random(4);
  for (const std::size_t budget :
       {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{50}, std::size_t{99}}) {
    const TensorBuffer keys = make_keys(2, 2, 50, 4, Dtype::f32, Lie::bshd, random);
    const KeySets sets = heavykeys::top_keys(keys.view(), budget);
    CHECK(sets == heavykeys::parallel::top_keys(keys.view(), budget, {.threads = 2}));
    for (std::size_t unit = 0; unit < 4; ++unit) {
      const std::vector<double> leverage = heavykeys::leverage_scores(keys.view().head(unit / 2, unit % 2));
      std::vector<std::int64_t> order(50);
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
        return leverage[static_cast<std::size_t>(a)] > leverage[static_cast<std::size_t>(b)];
      });
      order.resize(std::min<std::size_t>(budget, 50));
      std::sort(order.begin(), order.end());
      CHECK(list_of(sets, unit) == order);
    }
  }
  const std::vector<double> same{1, 1, 1, 1};
  const auto keys = heavykeys::tensor(static_cast<const void*>(same.data()), Dtype::f64,
                                      heavykeys::Layout::bhsd, 1, 1, 4, 1);
  CHECK(heavykeys::top_keys(keys, 2).keys == std::vector<std::int64_t>{0, 1});
}
