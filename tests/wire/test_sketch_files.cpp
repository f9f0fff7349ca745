// Fresh sketches of every kind of score, and where the fields of a sketch lie.
#include <cmath>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/streaming.hpp"
#include "lib/plan.hpp"
#include "support/random.hpp"
#include "wire/walk.hpp"

namespace wire {

namespace {

using namespace heavykeys;

/// 40 rows of two streams in blocks of 16; with `gaps`, every other run of 5 is missing.
State fresh(const Score& score, std::size_t dim, int range, bool gaps) {
  Spec spec{.dim = dim, .epsilon = 0.125, .score = score, .block_rows = 16};
  if (score != Score()) spec.sample_rows = 6;  // version 2
  Sketch sketch(spec);
  support::Random random(dim);
  std::vector<double> keys(40 * dim);
  for (double& k : keys) k = std::ldexp(random.integer(-9, 9), random.integer(-range, range));
  for (std::uint64_t stream : {0, 7}) {
    Rows all = rows(keys.data(), 40, dim);
    all.stream = stream;
    for (std::size_t begin = 0; begin < 40; begin += gaps ? 10 : 5) {
      streaming::absorb(sketch, all.slice(begin, 5));
    }
  }
  return {score.name() + (gaps ? " with gaps" : ""), to_bytes(sketch)};
}

}  // namespace

std::vector<State> fresh_sketches() {
  std::vector<State> out;
  for (const bool gaps : {false, true}) {
    out.push_back(fresh({}, 4, 3, gaps));
    out.push_back(fresh({}, 2, 300, gaps));
    out.push_back(fresh(Score::power(4), 2, 3, gaps));
    out.push_back(fresh(Score::power(7), 2, 3, gaps));
    out.push_back(fresh(Score::power(1), 3, 3, gaps));
    out.push_back(fresh(Score::power(10), 2, 1, gaps));
    out.push_back(fresh(Score::expressive(), 3, 3, gaps));
    out.push_back(fresh(Score::polynomial({0.5, 1.0, 0.25}), 2, 3, gaps));
  }
  out.push_back({"no rows", to_bytes(Sketch({.dim = 3, .epsilon = 0.5}))});
  out.push_back({"no rows, lifted", to_bytes(Sketch({.dim = 3, .epsilon = 0.5, .score = Score::power(6)}))});
  return out;
}

std::vector<Field> fields_of_sketch(const Bytes& state) {
  const Spec spec = from_bytes(state).spec();
  const detail::Plan plan(spec);
  Walk walk(state);
  const std::uint64_t version = walk.header();
  walk.field(8, Kind::count);  // dim
  walk.field(8, Kind::number);
  walk.array(2, 4, Kind::small);
  walk.field(8, Kind::number);
  walk.field(8, Kind::count);  // block_rows
  if (version > 1) {
    walk.field(8, Kind::count);
    walk.field(8, Kind::word);
    walk.array(walk.field(8, Kind::count), 8, Kind::number);
    walk.array(walk.field(8, Kind::count), 1, Kind::small);
  }
  for (std::uint64_t streams = walk.field(8, Kind::count); streams > 0; --streams) {
    walk.field(8, Kind::id);
    walk.array(2 * walk.field(8, Kind::count), 8, Kind::id);
  }
  walk.gram(plan.lift.size());
  if (plan.rule.weighted) {
    walk.gram(spec.dim);
    walk.array(2 * walk.field(8, Kind::count), 8, Kind::id);
  }
  walk.candidates(spec.dim);
  if (version > 1) walk.candidates(spec.dim);  // the sample
  for (std::uint64_t runs = walk.field(8, Kind::count); runs > 0; --runs) {
    walk.array(2, 8, Kind::id);
    walk.rows(spec.dim);
  }
  return walk.fields;
}

}  // namespace wire
