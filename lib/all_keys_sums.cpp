#include "lib/all_keys_sums.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/attention_rows.hpp"
#include "lib/dtype.hpp"
#include "lib/normalizer.hpp"
#include "lib/rule.hpp"

namespace heavykeys::detail {

namespace {

/// Causal: keys enter the moments so many at a time; within a run they are taken one by one.
constexpr std::size_t kRun = 64;

/// Few keys are summed one by one: less work than the form, and no cancellation where a query is nearly
/// orthogonal to all of them.
bool are_few(const AttentionShape& shape, const std::vector<double>& coefficients) {
  std::size_t coordinates = 0;
  for (std::size_t s = 1; s < coefficients.size(); ++s) {
    if (coefficients[s] != 0.0) coordinates += monomial_count(shape.d, static_cast<int>(s));
  }
  return shape.n * shape.d <= coordinates * coordinates;
}

bool is_polynomial(const Term& term) {
  return term.kind == Term::Kind::polynomial || (term.kind == Term::Kind::power && term.power % 2 == 0);
}

double dot(const double* a, const double* b, std::size_t n) {
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

void add_multiple(double* a, double factor, const double* b, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) a[i] += factor * b[i];
}

}  // namespace

void check_closed_form(const AttentionShape& shape) {
  std::vector<int> degrees;
  if (is_polynomial(shape.term)) {
    const std::vector<double> c = polynomial_of(shape.options.score);
    for (std::size_t i = 1; i < c.size(); ++i) {
      if (c[i] != 0.0) degrees.push_back(static_cast<int>(i));
    }
  }
  if (!degrees.empty() && degrees.back() <= kMaxDegree && lifted_dim(shape.d, degrees) <= kMaxLifted) return;
  throw InvalidInput("normalise: the sum over all keys of score " + shape.options.score.name() +
                     " at d = " + std::to_string(shape.d) + " has no closed form of at most " +
                     std::to_string(kMaxLifted) +
                     " coordinates; weights can be normalised over attended keys");
}

AllKeysSums::AllKeysSums(const AttentionShape& shape, const TensorView& queries, const TensorView& keys,
                         std::size_t unit)
    : shape_(shape),
      coefficients_(polynomial_of(shape.options.score)),
      few_(are_few(shape, coefficients_)),
      queries_(shape.lanes() * shape.d),
      keys_(shape.n * shape.d) {
  const std::size_t b = unit / shape.heads, kv = unit % shape.heads, d = shape.d;
  for (std::size_t r = 0; r < shape.n; ++r) {
    if (!std::isfinite(read_as(keys.head(b, kv), r, &keys_[r * d])))
      throw InvalidInput(not_finite(keys, "keys", b, kv, r));
  }
  for (std::size_t lane = 0; lane < shape.lanes(); ++lane) {
    const std::size_t h = shape.query_head(unit, lane), r = shape.query_row(lane);
    double* q = &queries_[lane * d];
    if (!std::isfinite(read_as(queries.head(b, h), r, q)))
      throw InvalidInput(not_finite(queries, "queries", b, h, r));
    for (std::size_t c = 0; c < d; ++c) q[c] *= shape.scale;
  }
}

void AllKeysSums::sums(double* values, double* by_query) const {
  const std::size_t d = shape_.d, lanes = shape_.lanes();
  MomentForm form(d, coefficients_);
  const std::vector<double> ones(kRun, 1.0);
  std::size_t seen = 0;  // keys in the form
  for (std::size_t lane = 0; lane < lanes;) {
    // Queries that see the same whole runs of keys, all at once.
    const auto runs = [&](std::size_t l) {
      const auto visible = static_cast<std::size_t>(shape_.position(l) + 1);
      return few_ ? 0 : shape_.options.causal ? visible / kRun * kRun : visible;
    };
    const std::size_t whole = runs(lane);
    for (; seen < whole; seen += std::min(kRun, whole - seen)) {
      form.add(&keys_[seen * d], ones.data(), std::min(kRun, whole - seen));
    }
    std::size_t end = lane + 1;
    while (end < lanes && runs(end) == whole && end - lane < kRun) ++end;
    form.evaluate(&queries_[lane * d], end - lane, values + lane, by_query ? by_query + lane * d : nullptr);
    for (; lane < end; ++lane) {
      const double* q = &queries_[lane * d];
      for (std::size_t key = whole; static_cast<std::int64_t>(key) <= shape_.position(lane); ++key) {
        const double x = dot(q, &keys_[key * d], d);
        values[lane] += form.term(x);
        if (by_query) add_multiple(by_query + lane * d, form.slope(x), &keys_[key * d], d);
      }
    }
  }
}

void AllKeysSums::by_key(const std::vector<double>& weights, std::vector<double>& out) const {
  const std::size_t d = shape_.d, n = shape_.n, lanes = shape_.lanes();
  out.assign(n * d, 0.0);
  MomentForm form(d, coefficients_);
  std::vector<double> values(kRun);
  std::size_t taken = lanes;  // queries taken, last first
  const auto sees_all = [&](std::size_t lane, std::size_t key) {
    return shape_.position(lane) >= static_cast<std::int64_t>(key);
  };
  const std::size_t first = few_ ? lanes : 0;  // queries before it are taken one by one
  for (std::size_t end = n; end > 0;) {
    // Runs of keys, last first, and the queries that see the whole run.
    const std::size_t begin = (end - 1) / kRun * kRun;
    std::size_t from = taken;
    while (from > first && sees_all(from - 1, end - 1)) --from;
    for (std::size_t at = from; at < taken; at += std::min(kRun, taken - at)) {
      form.add(&queries_[at * d], &weights[at], std::min(kRun, taken - at));
    }
    taken = from;
    form.evaluate(&keys_[begin * d], end - begin, values.data(), &out[begin * d]);
    for (std::size_t lane = taken; lane-- > 0 && sees_all(lane, begin);) {
      const double* q = &queries_[lane * d];
      const auto visible = static_cast<std::size_t>(shape_.position(lane) + 1);
      for (std::size_t key = begin; key < std::min(end, visible); ++key) {
        const double x = dot(q, &keys_[key * d], d);
        add_multiple(&out[key * d], weights[lane] * form.slope(x), q, d);
      }
    }
    end = begin;
  }
}

}  // namespace heavykeys::detail
