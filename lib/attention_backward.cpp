// Attention, backward, in two passes that share nothing to be added up: one over tiles of queries for their
// gradients, one over blocks of keys for theirs. So the order of every sum is that of the rows, whatever the
// threads; the price is that scores are formed twice.
#include <algorithm>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/all_keys_sums.hpp"
#include "lib/attention.hpp"
#include "lib/attention_gradient.hpp"
#include "lib/attention_tiles.hpp"
#include "lib/float_environment.hpp"
#include "lib/isa.hpp"
#include "lib/shared_tasks.hpp"
#include "lib/stage.hpp"

namespace heavykeys {
namespace detail {

namespace {

template <class T>
struct Scratch {
  GatheredKeys<T> gathered;
  GradientBlock<T> block;
  // Of the second pass: one unit's queries and keys.
  bool held = false;
  std::size_t unit = 0;
  std::vector<GradientStrip<T>> strips;
  KeyRows<T> keys;
  std::vector<AlignedVector<T>> plain_queries, plain_grads;  // each [count, padded columns]
};

template <class T>
void query_tile(const BackwardCall& call, const QueryTile& tile, Scratch<T>& scratch) {
  const AttentionShape& s = call.shape;
  const KeyRows<T>& rows = scratch.gathered.of(s, call.keys, call.values, call.sets, tile);
  tile.for_strips([&](std::size_t first, std::size_t count) {
    const GradientStrip<T> g(call, tile.unit, first, count);
    AlignedVector<T> by_query(s.d * g.q.width);
    for (std::size_t block = 0; block < rows.blocks(); ++block) {
      if (!g.q.meets(rows.block(block))) continue;
      const Strip<T> strip = scratch.block.differentiate(call, rows, block, g);
      multiply_add<T>({&rows.keys[block * kKeyBlock * s.d], 1, static_cast<std::ptrdiff_t>(s.d), s.d,
                       scratch.block.slopes.data(), strip.width, strip.width, strip.keys},
                      by_query.data(), strip.width);
    }
    for (std::size_t u = 0; u < count; ++u) {
      const std::size_t lane = first + u;
      for (std::size_t c = 0; c < s.d; ++c) {
        T& value = by_query[c * g.q.width + u];
        if (call.over_all_keys()) value += static_cast<T>(call.all_keys.by_query[tile.unit][lane * s.d + c]);
        value *= static_cast<T>(s.scale);
      }
      write_row(call.gradients.queries, tile.unit / s.heads, s.query_head(tile.unit, lane), s.query_row(lane),
                &by_query[u], g.q.width);
    }
  });
}

/// Queries and keys of a unit, for all its blocks of keys.
template <class T>
void hold_unit(const BackwardCall& call, std::size_t unit, Scratch<T>& scratch) {
  const AttentionShape& s = call.shape;
  if (scratch.held && scratch.unit == unit) return;
  scratch.held = false;
  scratch.strips.clear();
  scratch.plain_queries.clear();
  scratch.plain_grads.clear();
  for (std::size_t first = 0; first < s.lanes(); first += kStripWidth) {
    scratch.strips.emplace_back(call, unit, first, std::min(kStripWidth, s.lanes() - first));
    const GradientStrip<T>& g = scratch.strips.back();
    const auto plain = [&](const AlignedVector<T>& turned, std::size_t dim) {
      const std::size_t ld = padded_columns(dim);
      AlignedVector<T> rows(g.q.count * ld);
      for (std::size_t u = 0; u < g.q.count; ++u) {
        for (std::size_t c = 0; c < dim; ++c) rows[u * ld + c] = turned[c * g.q.width + u];
      }
      return rows;
    };
    scratch.plain_queries.push_back(plain(g.q.turned, s.d));
    scratch.plain_grads.push_back(plain(g.grad, s.dv));
  }
  scratch.keys.list = s.lanes() == 0
                          ? std::vector<AttendedKey>()
                          : attended_keys(s, call.sets, unit, s.position(0), s.position(s.lanes() - 1));
  scratch.keys.gather(s, call.keys, call.values, unit);
  scratch.unit = unit;
  scratch.held = true;
}

template <class T>
void key_block(const BackwardCall& call, std::size_t unit, std::size_t block, Scratch<T>& scratch) {
  const AttentionShape& s = call.shape;
  hold_unit(call, unit, scratch);
  const KeyRows<T>& rows = scratch.keys;
  if (block >= rows.blocks()) return;
  const std::span<const AttendedKey> list = rows.block(block);
  const std::size_t ld = padded_columns(s.d), ldv = padded_columns(s.dv);
  AlignedVector<T> by_key(list.size() * ld), by_value(list.size() * ldv);
  for (std::size_t i = 0; i < scratch.strips.size(); ++i) {
    const GradientStrip<T>& g = scratch.strips[i];
    if (!g.q.meets(list)) continue;
    const Strip<T> strip = scratch.block.differentiate(call, rows, block, g);
    const auto width = static_cast<std::ptrdiff_t>(strip.width);
    multiply_add<T>({scratch.block.slopes.data(), width, 1, strip.keys, scratch.plain_queries[i].data(), ld,
                     ld, g.q.count},
                    by_key.data(), ld);
    multiply_add<T>({strip.x, width, 1, strip.keys, scratch.plain_grads[i].data(), ldv, ldv, g.q.count},
                    by_value.data(), ldv);
  }
  const std::size_t b = unit / s.heads, h = unit % s.heads;
  for (std::size_t k = 0; k < list.size(); ++k) {
    const auto row = static_cast<std::size_t>(list[k].key);
    T* key = &by_key[k * ld];
    for (std::size_t c = 0; c < s.d; ++c) key[c] *= static_cast<T>(s.scale);
    if (call.over_all_keys()) {
      const double* all = &call.all_keys.by_key[unit][row * s.d];
      for (std::size_t c = 0; c < s.d; ++c) key[c] += static_cast<T>(all[c]);
    }
    write_row(call.gradients.keys, b, h, row, key, 1);
    write_row(call.gradients.values, b, h, row, &by_value[k * ldv], 1);
  }
}

/// What rows outside every set get: zeros, and what the normaliser over all keys says.
template <class T>
void fill_unit(const BackwardCall& call, std::size_t unit) {
  const AttentionShape& s = call.shape;
  const std::vector<T> zeros(std::max(s.d, s.dv));
  std::vector<T> row(s.d);
  for (std::size_t r = 0; r < s.n; ++r) {
    if (call.over_all_keys()) {
      const double* all = &call.all_keys.by_key[unit][r * s.d];
      std::transform(all, all + s.d, row.begin(), [](double v) { return static_cast<T>(v); });
    }
    write_row(call.gradients.keys, unit / s.heads, unit % s.heads, r, row.data(), 1);
    write_row(call.gradients.values, unit / s.heads, unit % s.heads, r, zeros.data(), 1);
  }
}

/// d(loss)/d(normaliser) = -(grad_out . out) / normaliser, passed on to queries and keys by the closed form.
void all_keys_of_unit(BackwardCall& call, std::size_t unit) {
  const AttentionShape& s = call.shape;
  AllKeysSums closed(s, call.queries, call.keys, unit);
  std::vector<double> values(s.lanes()), weights(s.lanes());
  std::vector<double>& by_query = call.all_keys.by_query[unit];
  by_query.resize(s.lanes() * s.d);
  closed.sums(values.data(), by_query.data());
  for (std::size_t lane = 0; lane < s.lanes(); ++lane) {
    const bool has_weight = call.sums.sum[s.query(unit, lane)] > 0.0 && values[lane] > 0.0;
    weights[lane] = has_weight ? -call.mean_slope(unit, lane) / values[lane] : 0.0;
    for (std::size_t c = 0; c < s.d; ++c) by_query[lane * s.d + c] *= weights[lane];
  }
  closed.by_key(weights, call.all_keys.by_key[unit]);
}

template <class T>
void differentiate_all(BackwardCall& call, const Workers& workers) {
  const AttentionShape& s = call.shape;
  Stage stage("attend_backward", call.over_all_keys() ? 3 : 2);  // filling units is quick
  if (call.over_all_keys()) {
    call.all_keys.by_query.resize(s.units());
    call.all_keys.by_key.resize(s.units());
    share_tasks("attend_backward", workers, s.units(),
                [&](int, std::size_t unit) { all_keys_of_unit(call, unit); });
    stage.step();
  }
  std::vector<Scratch<T>> scratch(static_cast<std::size_t>(std::max(1, workers.count)));
  const auto own = [&](int worker) -> Scratch<T>& { return scratch[static_cast<std::size_t>(worker)]; };
  share_tasks("attend_backward", workers, s.units(),
              [&](int, std::size_t unit) { fill_unit<T>(call, unit); });
  share_tasks("attend_backward", workers, QueryTile::total(s), [&](int worker, std::size_t task) {
    query_tile(call, QueryTile::number(s, task), own(worker));
  });
  stage.step();
  // Blocks of the longest list there can be; tasks past the end of a unit's list find nothing to do.
  const bool all_may_serve = s.options.causal && s.options.window > 0;
  std::size_t longest = 0;
  for (std::size_t unit = 0; unit < s.units(); ++unit) {
    const auto listed = static_cast<std::size_t>(call.sets.indptr[unit + 1] - call.sets.indptr[unit]);
    longest = std::max(longest, all_may_serve ? s.n
                                              : std::min(s.n, listed + std::min(s.n, s.options.sinks) +
                                                                  std::min(s.n, s.options.window)));
  }
  const std::size_t blocks = (longest + kKeyBlock - 1) / kKeyBlock;
  share_tasks("attend_backward", workers, s.units() * blocks, [&](int worker, std::size_t task) {
    key_block(call, task / blocks, task % blocks, own(worker));
  });
}

}  // namespace

void attend_backward_with(const TensorView& queries, const TensorView& keys, const TensorView& values,
                          const KeySets& sets, const AttendOptions& options, const TensorView& out,
                          const AttendSums& sums, const TensorView& grad_out,
                          const AttendGradients& gradients, const Workers& workers) {
  const FloatEnvironment ieee;
  current_isa();
  const AttentionShape shape(queries, keys, values, sets, options);
  const std::size_t total = shape.batch * queries.heads * shape.m;
  check_view(out, "out", queries.dtype, shape.batch, queries.heads, shape.m, shape.dv);
  check_view(grad_out, "grad_out", queries.dtype, shape.batch, queries.heads, shape.m, shape.dv);
  check_view(gradients.queries, "gradients.queries", queries.dtype, shape.batch, queries.heads, shape.m,
             shape.d);
  check_view(gradients.keys, "gradients.keys", queries.dtype, shape.batch, shape.heads, shape.n, shape.d);
  check_view(gradients.values, "gradients.values", queries.dtype, shape.batch, shape.heads, shape.n,
             shape.dv);
  if (sums.shift.size() != total || sums.sum.size() != total) {
    throw InvalidInput("sums: " + std::to_string(sums.shift.size()) + " queries; it must be " +
                       std::to_string(total));
  }
  if (options.normalise == Normalise::all_keys) check_closed_form(shape);
  BackwardCall call{shape, queries, keys, values, sets, out, sums, grad_out, gradients, {}};
  if (shape.in_double) {
    differentiate_all<double>(call, workers);
  } else {
    differentiate_all<float>(call, workers);
  }
}

}  // namespace detail

void attend_backward(const TensorView& queries, const TensorView& keys, const TensorView& values,
                     const KeySets& sets, const AttendOptions& options, const TensorView& out,
                     const AttendSums& sums, const TensorView& grad_out, const AttendGradients& gradients) {
  detail::attend_backward_with(queries, keys, values, sets, options, out, sums, grad_out, gradients,
                               detail::serial_workers());
}

}  // namespace heavykeys
