#include "lib/weigh_queries.hpp"

#include <cmath>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/kernels.hpp"
#include "lib/read_rows.hpp"
#include "lib/text.hpp"
#include "lib/weigh_interval.hpp"

namespace heavykeys::detail {

namespace {

/// sum of f over the past and the further rows that this query sees.
Bounded closed_sum(const Weighted& keys, const Weighing& w, const double* x, std::size_t seen) {
  if (!w.score.in_range) return {};  // weigh() goes to exact arithmetic
  // By the Gram matrix of the past, and the scores of the further rows one by one.
  double sum = 0.0, error = 0.0;
  const double gamma = dot_error(keys.panel.dim) * w.query.norm2;
  for (std::size_t u = keys.heavy; u < seen; ++u) {
    const double e = gamma * keys.panel.norm[u], magnitude = std::fabs(x[u]);
    const double f = w.score(magnitude);
    sum += f;
    error += w.score(magnitude + e) - f;
  }
  const Bounded past = (*keys.past.closed)(w.query, w.score, sum);
  if (seen == keys.heavy) return past;
  const double terms = static_cast<double>(seen - keys.heavy), value = past.value + sum;
  return {value, (past.error + error) * (1.0 + 1e-9) +
                     (terms + 8 * w.score.degree()) * 0x1p-53 * sum * (1.0 + 1e-9) +
                     std::fabs(value) * 0x1p-52};
}

Dyadic exact_sum(const Weighted& keys, const double* raw, std::size_t seen) {
  const std::vector<double>& c = keys.past.closed->coefficients();
  Dyadic total = keys.past.closed->exact(raw);
  for (std::size_t u = keys.heavy; u < seen; ++u) {
    const Dyadic x = keys.panel.exact_dot(raw, u), square = x * x;
    Dyadic f;
    for (std::size_t i = c.size(); i-- > 0;) f = f * square + Dyadic(c[i]);
    total = total + f;
  }
  return total;
}

/// Queries of a group, read and scaled.
struct QueryGroup {
  QueryGroup(const Rows& queries, const std::vector<int>& scale)
      : dim(queries.dim), raw(queries.count * queries.dim), scaled(raw.size()) {
    require_finite(queries);
    for (std::size_t i = 0; i < queries.count; ++i) {
      read_row(queries, i, raw.data() + i * dim);
      prepared.push_back(ScaledQuery::make(raw.data() + i * dim, scale, scaled.data() + i * dim));
    }
  }

  std::size_t dim;
  std::vector<double> raw, scaled;  // [count, dim]
  std::vector<ScaledQuery> prepared;
};

Weighing weighing_of(const Weighted& keys, const ScaledQuery& query, std::size_t seen) {
  const std::vector<double>& c = keys.past.closed->coefficients();
  return {query, ScaledPolynomial(c, query.shift),
          c,     keys.past.plan->spec.epsilon,
          {},    [&keys, raw = query.raw, seen] { return exact_sum(keys, raw, seen); }};
}

/// Many keys, all of them U and under a closed score: their integers tell which can be entries at all.
HeavyEntries weigh_reached(const Weighted& keys, const QueryGroup& queries) {
  constexpr std::size_t kRare = 32;  // one product by itself costs as much as this many side by side
  const KeyPanel& panel = keys.panel;
  const std::size_t count = queries.prepared.size();
  std::vector<Weighing> weighings;
  std::vector<QueryWeigher> weighers;
  std::vector<CoarsePanel::Query> wanted;
  weighings.reserve(count);  // weighers hold references
  for (const ScaledQuery& query : queries.prepared) {
    weighings.push_back(weighing_of(keys, query, keys.heavy));
    weighings.back().normalizer = closed_sum(keys, weighings.back(), nullptr, keys.heavy);
    weighers.emplace_back(weighings.back(), panel);
    // As close as float64 brings products to the true ones.
    const double error = dot_error(panel.dim) * query.norm2 * panel.greatest_norm * (1.0 + 0x1p-40);
    wanted.push_back({query.scaled, query.norm2, weighers.back().threshold() - error});
  }
  std::vector<std::vector<std::uint32_t>> reached;
  panel.integers->reach(wanted, reached);

  HeavyEntries out;
  out.indptr.push_back(0);
  std::vector<double> x;
  for (std::size_t i = 0; i < count; ++i) {
    const double* scaled = queries.prepared[i].scaled;
    const bool few = reached[i].size() <= panel.count() / kRare;
    x.resize(few ? reached[i].size() : panel.ld);
    if (few) {
      panel.dots_of(scaled, keys.past.scale, reached[i], x.data());
      for (std::size_t f = 0; f < x.size(); ++f) {
        if (std::fabs(x[f]) >= weighers[i].threshold()) weighers[i].decide(reached[i][f], x[f], out);
      }
    } else {
      dot_products(scaled, 1, queries.dim, panel.columns.data(), panel.ld, x.data());
      weighers[i].decide_all(panel.count(), x.data(), out);
    }
    out.indptr.push_back(static_cast<std::int64_t>(out.keys.size()));
  }
  return out;
}

}  // namespace

HeavyEntries weigh_queries(const Weighted& keys, const Rows& queries,
                           const std::function<std::size_t(std::size_t)>& further,
                           const HeavyOptions& options) {
  const KeyPanel& panel = keys.panel;
  const QueryGroup group(queries, keys.past.scale);
  if (panel.integers && keys.heavy == panel.count() && keys.past.closed) return weigh_reached(keys, group);
  const std::size_t count = queries.count;
  std::vector<double> x(count * panel.ld);
  dot_products(group.scaled.data(), count, queries.dim, panel.columns.data(), panel.ld, x.data());

  HeavyEntries out;
  out.indptr.push_back(0);
  for (std::size_t i = 0; i < count; ++i) {
    const double* own = x.data() + i * panel.ld;
    const std::size_t seen = keys.heavy + further(i);
    if (seen > 0 && keys.past.tail) {
      weigh_interval(*keys.past.plan, group.prepared[i], panel, keys.heavy, seen, own, *keys.past.tail,
                     options, out);
    } else if (seen > 0) {
      Weighing weighing = weighing_of(keys, group.prepared[i], seen);
      weighing.normalizer = closed_sum(keys, weighing, own, seen);
      QueryWeigher(weighing, panel).decide_all(seen, own, out);
    }
    out.indptr.push_back(static_cast<std::int64_t>(out.keys.size()));
  }
  return out;
}

void check_shape(const Rows& queries, std::size_t dim) {
  if (queries.dim != dim) {
    throw InvalidInput("queries have " + std::to_string(queries.dim) + " columns; the keys have " +
                       std::to_string(dim));
  }
  if (queries.count > 0 && queries.data == nullptr) throw InvalidInput("queries have no data");
}

void check_queries(const Rows& queries, const Spec& spec, const HeavyOptions& options) {
  check_shape(queries, spec.dim);
  if (!(options.confidence >= 0.0 && options.confidence < 1.0)) {
    throw InvalidInput("confidence is " + shortest(options.confidence) + "; it must be 0 or in (0, 1)");
  }
  if (options.confidence > 0.0 && spec.sample_rows == 0) {
    throw InvalidInput("confidence asks for a sample; sample_rows is 0");
  }
  spec.score(1.0);  // throws for a custom score without its function
}

}  // namespace heavykeys::detail
