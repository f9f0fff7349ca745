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

}  // namespace

HeavyEntries weigh_queries(const Weighted& keys, const Rows& queries,
                           const std::function<std::size_t(std::size_t)>& further,
                           const HeavyOptions& options) {
  const Plan& plan = *keys.past.plan;
  const KeyPanel& panel = keys.panel;
  const std::size_t d = queries.dim, count = queries.count;
  std::vector<double> raw(count * d), scaled(count * d), x(count * panel.ld);
  require_finite(queries);
  std::vector<ScaledQuery> prepared;
  for (std::size_t i = 0; i < count; ++i) {
    read_row(queries, i, raw.data() + i * d);
    prepared.push_back(ScaledQuery::make(raw.data() + i * d, keys.past.scale, scaled.data() + i * d));
  }
  dot_products(scaled.data(), count, d, panel.columns.data(), panel.ld, x.data());

  HeavyEntries out;
  out.indptr.push_back(0);
  for (std::size_t i = 0; i < count; ++i) {
    const double* own = x.data() + i * panel.ld;
    const std::size_t seen = keys.heavy + further(i);
    if (seen > 0 && keys.past.tail) {
      weigh_interval(plan, prepared[i], panel, keys.heavy, seen, own, *keys.past.tail, options, out);
    } else if (seen > 0) {
      const std::vector<double>& c = keys.past.closed->coefficients();
      Weighing weighing{prepared[i], ScaledPolynomial(c, prepared[i].shift),
                        c,           plan.spec.epsilon,
                        {},          [&] { return exact_sum(keys, prepared[i].raw, seen); }};
      weighing.normalizer = closed_sum(keys, weighing, own, seen);
      weigh(weighing, panel, 0, seen, own, out);
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
