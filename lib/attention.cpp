// Attention, forward: a tile of queries passes over its keys once, block after block, the weights of a query
// always in units of the greatest so far (the online softmax of Milakov and Gimelshein, arXiv 1805.02867, for
// any score).
#include "lib/attention.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/all_keys_sums.hpp"
#include "lib/attention_tiles.hpp"
#include "lib/float_environment.hpp"
#include "lib/isa.hpp"
#include "lib/shared_tasks.hpp"
#include "lib/stage.hpp"
#include "lib/strip_result.hpp"
#include "lib/text.hpp"

namespace heavykeys {
namespace detail {

namespace {

struct Call {
  const AttentionShape& shape;
  const TensorView& queries;
  const TensorView& keys;
  const TensorView& values;
  const KeySets& sets;
  const MutableTensorView& out;
  AttendSums& sums;
  const std::vector<double>& all_keys;  // [units, lanes]: sums over all keys; empty: over attended ones
};

/// unit(shift) of a power, as x / shift is raised to it.
double in_units(const AttentionShape& shape, double sum, double shift) {
  if (shape.term.kind != Term::Kind::power) return sum;
  for (int i = 0; i < shape.term.power; ++i) sum /= shift;
  return sum;
}

template <class T>
void write_strip(const Call& call, const QueryStrip<T>& q, std::size_t unit, StripResult<T>& r) {
  const AttentionShape& s = call.shape;
  for (std::size_t u = 0; u < q.count; ++u) {
    const std::size_t lane = q.first + u;
    double sum = r.sum[u];
    if (sum > 0.0 && !call.all_keys.empty()) {
      const double all = call.all_keys[unit * s.lanes() + lane];
      if (!(all >= 0x1p-960 && all <= 0x1p960)) {
        throw InvalidInput("normalise: the sum over all keys of queries batch " +
                           std::to_string(unit / s.heads) + ", head " +
                           std::to_string(s.query_head(unit, lane)) + ", row " +
                           std::to_string(s.query_row(lane)) + " is outside float64: " + shortest(all));
      }
      // A part of it may be larger by a rounding of its weights.
      sum = std::max(sum, in_units(s, all, static_cast<double>(r.shift[u])));
    }
    r.sum[u] = sum;
    call.sums.shift[s.query(unit, lane)] = static_cast<double>(r.shift[u]);
    call.sums.sum[s.query(unit, lane)] = sum;
  }
  r.write(s, call.out, q, unit);
}

template <class T>
struct Scratch {
  GatheredKeys<T> gathered;
  ScoreBlock<T> scores;
};

template <class T>
void attend_tile(const Call& call, const QueryTile& tile, Scratch<T>& scratch) {
  const AttentionShape& s = call.shape;
  const KeyRows<T>& keys = scratch.gathered.of(s, call.keys, call.values, call.sets, tile);
  std::vector<QueryStrip<T>> strips;
  std::vector<StripResult<T>> results;
  tile.for_strips([&](std::size_t first, std::size_t count) {
    strips.emplace_back(s, call.queries, tile.unit, first, count);
    results.emplace_back(s, strips.back().width);
  });
  for (std::size_t block = 0; block < keys.blocks(); ++block) {
    for (std::size_t i = 0; i < strips.size(); ++i) {
      if (!strips[i].meets(keys.block(block))) continue;
      results[i].take(s, &keys.values[block * kKeyBlock * s.dv],
                      scratch.scores.fill(s, keys, block, strips[i]));
    }
  }
  for (std::size_t i = 0; i < strips.size(); ++i) write_strip(call, strips[i], tile.unit, results[i]);
}

template <class T>
void attend_all(const Call& call, const Workers& workers) {
  std::vector<Scratch<T>> scratch(static_cast<std::size_t>(std::max(1, workers.count)));
  share_tasks("attend", workers, QueryTile::total(call.shape), [&](int worker, std::size_t task) {
    attend_tile(call, QueryTile::number(call.shape, task), scratch[static_cast<std::size_t>(worker)]);
  });
}

}  // namespace

AttendSums attend_with(const TensorView& queries, const TensorView& keys, const TensorView& values,
                       const KeySets& sets, const AttendOptions& options, const MutableTensorView& out,
                       const Workers& workers) {
  const FloatEnvironment ieee;
  current_isa();
  const AttentionShape shape(queries, keys, values, sets, options);
  check_view(out, "out", queries.dtype, shape.batch, queries.heads, shape.m, shape.dv);
  std::vector<double> all_keys;
  Stage stage("attend", options.normalise == Normalise::all_keys ? 2 : 1);
  if (options.normalise == Normalise::all_keys) {
    check_closed_form(shape);
    all_keys.resize(shape.units() * shape.lanes());
    share_tasks("attend", workers, shape.units(), [&](int, std::size_t unit) {
      AllKeysSums(shape, queries, keys, unit).sums(all_keys.data() + unit * shape.lanes(), nullptr);
    });
    stage.step();
  }
  AttendSums sums;
  sums.shift.resize(shape.batch * queries.heads * shape.m);
  sums.sum.resize(sums.shift.size());
  const Call call{shape, queries, keys, values, sets, out, sums, all_keys};
  if (shape.in_double) {
    attend_all<double>(call, workers);
  } else {
    attend_all<float>(call, workers);
  }
  return sums;
}

}  // namespace detail

AttendSums attend(const TensorView& queries, const TensorView& keys, const TensorView& values,
                  const KeySets& sets, const AttendOptions& options, const MutableTensorView& out) {
  return detail::attend_with(queries, keys, values, sets, options, out, detail::serial_workers());
}

}  // namespace heavykeys
