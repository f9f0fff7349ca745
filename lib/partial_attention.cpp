// Attention over every key from partially computed scores. Samples that are rows: a strip of queries computes
// its scores with the reconstructor's keys and estimates the others. Samples that are whole matrices: first
// the scores of every head and their coefficients, then strip after strip of rows estimated from those.
#include <algorithm>
#include <cmath>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/attention_tiles.hpp"
#include "lib/float_environment.hpp"
#include "lib/isa.hpp"
#include "lib/reconstruction.hpp"
#include "lib/reconstructor_state.hpp"
#include "lib/shared_tasks.hpp"
#include "lib/stage.hpp"
#include "lib/strip_result.hpp"

namespace heavykeys {
namespace detail {

namespace {

constexpr std::size_t kNone = ~std::size_t{0};

/// Query heads as units, each by itself; scores in float64 whatever the dtype.
AttentionShape by_query_head(AttentionShape shape) {
  shape.heads *= shape.group;
  shape.group = 1;
  shape.in_double = true;
  shape.wide_scores = false;
  return shape;
}

struct Call {
  AttentionShape shape;  // of query heads
  std::size_t group;     // query heads to a KV head
  const TensorView& queries;
  const TensorView& keys;
  const TensorView& values;
  std::span<const Reconstructor> reconstructors;
  const MutableTensorView& out;
  std::vector<AttendedKey> every_key;

  const ReconstructorState& reconstructor(std::size_t unit) const {
    const std::size_t head = unit % shape.heads;
    return ReconstructorAccess::state(reconstructors[reconstructors.size() == 1 ? 0 : head]);
  }
  std::size_t kv_head(std::size_t unit) const { return unit % shape.heads / group; }
  bool same_keys(std::size_t a, std::size_t b) const {
    return a / shape.heads == b / shape.heads && kv_head(a) == kv_head(b);
  }
};

/// Reads rows of a KV head as float64 [rows, dim]. Throws InvalidInput for NaN/Inf.
void read_head(const Call& call, const TensorView& view, const char* name, std::size_t unit,
               AlignedVector<double>& out) {
  const std::size_t b = unit / call.shape.heads, h = call.kv_head(unit);
  out.resize(view.rows * view.dim);
  const Rows rows = view.head(b, h);
  for (std::size_t r = 0; r < view.rows; ++r) {
    if (!std::isfinite(read_as(rows, r, &out[r * view.dim]))) {
      throw InvalidInput(not_finite(view, name, b, h, r));
    }
  }
}

/// Throws InvalidInput for NaN/Inf in a KV head.
void require_finite_head(const Call& call, const TensorView& view, const char* name, std::size_t unit) {
  const std::size_t b = unit / call.shape.heads, h = call.kv_head(unit);
  AlignedVector<double> row(view.dim);
  const Rows rows = view.head(b, h);
  for (std::size_t r = 0; r < view.rows; ++r) {
    if (!std::isfinite(read_as(rows, r, row.data()))) throw InvalidInput(not_finite(view, name, b, h, r));
  }
}

/// The values of a unit, and what becomes of them: kept while the KV head stays the same.
struct Scratch {
  std::size_t unit = kNone;
  AlignedVector<double> values;
  KeyRows<double> computed;  // of samples that are rows: the keys whose scores are computed
  ScoreBlock<double> scores;
  AlignedVector<double> exact, centred, whole, block;
  Completion completion;

  bool turn_to(const Call& call, std::size_t to) {
    if (unit != kNone && call.same_keys(unit, to)) return false;
    unit = kNone;
    read_head(call, call.values, "values", to, values);
    unit = to;
    return true;
  }
};

/// Scores of keys first .. of a strip, x [keys, q.width], some of them estimates. Throws InvalidInput for one
/// that is not finite and whose query may see the key; the others become 0, as nothing is to come of them.
void require_finite_scores(const Call& call, std::size_t unit, const QueryStrip<double>& q,
                           std::span<const AttendedKey> keys, std::size_t first, double* x) {
  if (all_finite(x, keys.size() * q.width)) return;
  for (std::size_t u = 0; u < q.width; ++u) {
    const std::int64_t position = q.first_position + static_cast<std::int64_t>(q.position[u]);
    for (std::size_t k = 0; k < keys.size(); ++k) {
      double& score = x[k * q.width + u];
      if (std::isfinite(score)) continue;
      if (u < q.count && keys[k].from <= position) {
        throw InvalidInput("queries: batch " + std::to_string(unit / call.shape.heads) + ", head " +
                           std::to_string(unit % call.shape.heads) + ": the estimated score of row " +
                           std::to_string(q.first + u) + " with key " + std::to_string(first + k) +
                           " passes float64");
      }
      score = 0.0;
    }
  }
}

/// Attention of a strip. fill(first, keys, x) tells the scores of a block of keys, x [keys, q.width].
template <class Fill>
void attend_strip(const Call& call, std::size_t unit, const QueryStrip<double>& q, Scratch& scratch,
                  const Fill& fill) {
  const AttentionShape& s = call.shape;
  StripResult<double> result(s, q.width);
  scratch.block.assign(kKeyBlock * q.width, 0.0);
  for (std::size_t j = 0; j < s.n; j += kKeyBlock) {
    const auto keys = std::span(call.every_key).subspan(j, std::min(kKeyBlock, s.n - j));
    if (!q.meets(keys)) continue;
    fill(j, keys.size(), scratch.block.data());
    require_finite_scores(call, unit, q, keys, j, scratch.block.data());
    Strip<double> strip = scratch.scores.masked(keys, q);
    strip.x = scratch.block.data();
    result.take(s, &scratch.values[j * s.dv], strip);
  }
  result.write(s, call.out, q, unit);
}

/// Samples that are rows.
void attend_rows(const Call& call, const QueryTile& tile, Scratch& scratch) {
  const AttentionShape& s = call.shape;
  const ReconstructorState& r = call.reconstructor(tile.unit);
  const std::size_t before = scratch.unit;
  const bool other_head = scratch.turn_to(call, tile.unit);
  if (other_head || before == kNone || &call.reconstructor(before) != &r) {
    scratch.computed.list.clear();
    for (const std::size_t e : r.computed) {
      scratch.computed.list.push_back({static_cast<std::int64_t>(e), 0, kForever});
    }
    scratch.unit = kNone;
    if (other_head) require_finite_head(call, call.keys, "keys", tile.unit);
    AttentionShape kv = s;  // where this unit's keys are those of unit b x KV heads + KV head
    kv.heads = call.keys.heads;
    scratch.computed.gather(kv, call.keys, call.values,
                            tile.unit / s.heads * kv.heads + call.kv_head(tile.unit));
  }
  scratch.unit = tile.unit;
  tile.for_strips([&](std::size_t first, std::size_t count) {
    const QueryStrip<double> q(s, call.queries, tile.unit, first, count);
    scratch.exact.resize(r.computed.size() * q.width);
    scratch.centred.resize(scratch.exact.size());
    for (std::size_t b = 0; b < scratch.computed.blocks(); ++b) {
      const Strip<double> strip = scratch.scores.fill(s, scratch.computed, b, q);
      std::copy_n(strip.x, strip.keys * q.width, &scratch.exact[b * kKeyBlock * q.width]);
    }
    for (std::size_t k = 0; k < r.computed.size(); ++k) {
      const double mean = r.mean[r.computed[k]], *x = &scratch.exact[k * q.width];
      double* to = &scratch.centred[k * q.width];
      for (std::size_t u = 0; u < q.width; ++u) to[u] = x[u] - mean;
    }
    const double* c = scratch.completion.turned_coefficients(r, scratch.centred.data(), q.width);
    attend_strip(call, tile.unit, q, scratch, [&](std::size_t j, std::size_t keys, double* x) {
      scratch.completion.complete_turned(r, c, scratch.exact.data(), q.width, j, j + keys, x);
    });
  });
}

/// Four sums, then one: a fixed order that needs not wait for each addition.
double dot(const double* a, const double* b, std::size_t d) {
  double sum[4] = {};
  std::size_t i = 0;
  for (; i + 4 <= d; i += 4) {
    for (std::size_t k = 0; k < 4; ++k) sum[k] += a[i + k] * b[i + k];
  }
  for (; i < d; ++i) sum[0] += a[i] * b[i];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/// Samples that are whole matrices: what is known of each unit before any score is estimated.
struct Matrices {
  std::vector<std::vector<double>> exact, coefficients;  // [units][s], [units][t]

  explicit Matrices(std::size_t units) : exact(units), coefficients(units) {}

  void compute(const Call& call, std::size_t unit, Scratch& scratch) {
    const AttentionShape& s = call.shape;
    const ReconstructorState& r = call.reconstructor(unit);
    const std::size_t b = unit / s.heads, h = unit % s.heads;
    if (scratch.unit == kNone || !call.same_keys(scratch.unit, unit)) {
      scratch.unit = kNone;
      read_head(call, call.keys, "keys", unit, scratch.whole);
      scratch.unit = unit;
    }
    std::vector<double> query(s.d), &x = exact[unit];
    x.resize(r.computed.size());
    scratch.centred.resize(x.size());
    std::size_t held = kNone;
    for (std::size_t k = 0; k < x.size(); ++k) {
      const std::size_t i = r.computed[k] / s.n, j = r.computed[k] % s.n;
      if (i != held && !std::isfinite(read_as(call.queries.head(b, h), i, query.data()))) {
        throw InvalidInput(not_finite(call.queries, "queries", b, h, i));
      }
      held = i;
      x[k] = s.scale * dot(query.data(), &scratch.whole[j * s.d], s.d);
      if (!std::isfinite(x[k])) {
        throw InvalidInput("queries: batch " + std::to_string(b) + ", head " + std::to_string(h) +
                           ": the product of row " + std::to_string(i) + " with key " + std::to_string(j) +
                           " passes float64");
      }
      scratch.centred[k] = x[k] - r.mean[r.computed[k]];
    }
    const Strided c = scratch.completion.coefficients(r, {scratch.centred.data(), 0, 1}, 1);
    coefficients[unit].assign(c.data, c.data + r.coefficients);
  }

  /// Rows first .. first + count - 1 of the units given, which share a reconstructor. They are estimated
  /// together: the map is read once for all of them.
  void attend(const Call& call, std::span<const std::size_t> units, std::size_t first, std::size_t count,
              Scratch& scratch) const {
    const AttentionShape& s = call.shape;
    const ReconstructorState& r = call.reconstructor(units.front());
    const std::size_t width = r.computed.size(), ld = count * s.n;
    std::vector<double> known, from;
    for (const std::size_t unit : units) {
      known.insert(known.end(), exact[unit].begin(), exact[unit].end());
      from.insert(from.end(), coefficients[unit].begin(), coefficients[unit].end());
    }
    scratch.whole.resize(units.size() * ld);
    scratch.completion.complete(r, {from.data(), static_cast<std::ptrdiff_t>(r.coefficients), 1},
                                {known.data(), static_cast<std::ptrdiff_t>(width), 1}, units.size(),
                                first * s.n, (first + count) * s.n, scratch.whole.data(), ld);
    for (std::size_t i = 0; i < units.size(); ++i) {
      scratch.turn_to(call, units[i]);
      const QueryStrip<double> q(s, call.queries, units[i], first, count);
      const double* whole = &scratch.whole[i * ld];
      attend_strip(call, units[i], q, scratch, [&](std::size_t j, std::size_t keys, double* x) {
        for (std::size_t u = 0; u < count; ++u) {
          for (std::size_t k = 0; k < keys; ++k) x[k * q.width + u] = whole[u * s.n + j + k];
        }
      });
    }
  }
};

void attend_matrices(const Call& call, const Workers& workers, std::vector<Scratch>& scratch) {
  const AttentionShape& s = call.shape;
  Matrices matrices(s.units());
  Stage stage("attend", 2);
  share_tasks("attend", workers, s.units(), [&](int worker, std::size_t unit) {
    matrices.compute(call, unit, scratch[static_cast<std::size_t>(worker)]);
  });
  stage.step();
  for (Scratch& one : scratch) one.unit = kNone;  // it held keys
  const std::size_t kinds = call.reconstructors.size();
  const std::size_t strips = (s.m + kStripWidth - 1) / kStripWidth;
  constexpr std::size_t kTogether = 16;  // units at a time
  share_tasks("attend", workers, kinds * strips, [&](int worker, std::size_t task) {
    const std::size_t first = task % strips * kStripWidth, count = std::min(kStripWidth, s.m - first);
    std::vector<std::size_t> units;
    for (std::size_t unit = task / strips; unit < s.units(); unit += kinds) units.push_back(unit);
    for (std::size_t at = 0; at < units.size(); at += kTogether) {
      matrices.attend(call, std::span(units).subspan(at, std::min(kTogether, units.size() - at)), first,
                      count, scratch[static_cast<std::size_t>(worker)]);
    }
  });
}

void check_options(const AttendOptions& o) {
  if (o.sinks != 0 || o.window != 0) {
    throw InvalidInput("sinks " + std::to_string(o.sinks) + ", window " + std::to_string(o.window) +
                       ": with a reconstructor every key is attended to; they must be 0");
  }
  if (o.normalise != Normalise::attended) {
    throw InvalidInput(
        "normalise: all_keys: with a reconstructor every key is attended to, and weights add up to one over "
        "them; it must be attended");
  }
}

void check_reconstructors(std::span<const Reconstructor> all, std::size_t heads, std::size_t m,
                          std::size_t n) {
  if (all.size() != 1 && all.size() != heads) {
    throw InvalidInput("reconstructors: " + std::to_string(all.size()) + " for " + std::to_string(heads) +
                       " query heads; one is needed for all, or one for each");
  }
  const std::size_t c = ReconstructorAccess::state(all.front()).options.sample_queries;
  for (std::size_t h = 0; h < all.size(); ++h) {
    const ReconstructorState& r = ReconstructorAccess::state(all[h]);
    const std::string which = "reconstructors: number " + std::to_string(h) + " is of samples ";
    if (r.options.sample_queries != c) {
      throw Incompatible(which + "of " + std::to_string(r.options.sample_queries) + " queries; number 0 of " +
                         std::to_string(c));
    }
    if (c == 1 && r.dim != n) {
      throw Incompatible(which + "with " + std::to_string(r.dim) + " elements; there are " +
                         std::to_string(n) + " keys");
    }
    if (c > 1 && (c != m || r.keys() != n)) {
      throw Incompatible(which + "of " + std::to_string(c) + " queries x " + std::to_string(r.keys()) +
                         " keys; there are " + std::to_string(m) + " queries and " + std::to_string(n) +
                         " keys");
    }
  }
}

}  // namespace

void attend_with(const TensorView& queries, const TensorView& keys, const TensorView& values,
                 std::span<const Reconstructor> reconstructors, const AttendOptions& options,
                 const MutableTensorView& out, const Workers& workers) {
  const FloatEnvironment ieee;
  current_isa();
  check_options(options);
  const AttentionShape shape(queries, keys, values, every_key(keys.batch, keys.heads, keys.rows), options);
  check_view(out, "out", queries.dtype, shape.batch, queries.heads, shape.m, shape.dv);
  check_reconstructors(reconstructors, queries.heads, shape.m, shape.n);
  Call call{by_query_head(shape), shape.group, queries, keys, values, reconstructors, out, {}};
  for (std::size_t j = 0; j < shape.n; ++j) {
    const auto key = static_cast<std::int64_t>(j);
    call.every_key.push_back({key, options.causal ? key : 0, kForever});
  }
  std::vector<Scratch> scratch(static_cast<std::size_t>(std::max(1, workers.count)));
  if (ReconstructorAccess::state(reconstructors.front()).options.sample_queries > 1) {
    attend_matrices(call, workers, scratch);
    return;
  }
  share_tasks("attend", workers, QueryTile::total(call.shape), [&](int worker, std::size_t task) {
    attend_rows(call, QueryTile::number(call.shape, task), scratch[static_cast<std::size_t>(worker)]);
  });
}

}  // namespace detail

void attend(const TensorView& queries, const TensorView& keys, const TensorView& values,
            std::span<const Reconstructor> reconstructors, const AttendOptions& options,
            const MutableTensorView& out) {
  detail::attend_with(queries, keys, values, reconstructors, options, out, detail::serial_workers());
}

}  // namespace heavykeys
