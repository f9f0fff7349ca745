#include "lib/all_keys_sums.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/attention_rows.hpp"
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
      queries_(queries),
      keys_(keys),
      unit_(unit),
      coefficients_(polynomial_of(shape.options.score)),
      few_(are_few(shape, coefficients_)),
      is_alone_(shape.lanes(), 0) {}

void AllKeysSums::read_keys(std::size_t begin, std::size_t end, std::vector<double>& out) const {
  const std::size_t b = unit_ / shape_.heads, h = unit_ % shape_.heads, d = shape_.d;
  out.resize((end - begin) * d);
  for (std::size_t r = begin; r < end; ++r) {
    if (!std::isfinite(read_as(keys_.head(b, h), r, &out[(r - begin) * d]))) {
      throw InvalidInput(not_finite(keys_, "keys", b, h, r));
    }
  }
}

void AllKeysSums::read_queries(std::size_t begin, std::size_t end, std::vector<double>& out) const {
  const std::size_t b = unit_ / shape_.heads, d = shape_.d;
  out.resize((end - begin) * d);
  for (std::size_t lane = begin; lane < end; ++lane) {
    const std::size_t h = shape_.query_head(unit_, lane), r = shape_.query_row(lane);
    double* q = &out[(lane - begin) * d];
    if (!std::isfinite(read_as(queries_.head(b, h), r, q))) {
      throw InvalidInput(not_finite(queries_, "queries", b, h, r));
    }
    for (std::size_t c = 0; c < d; ++c) q[c] *= shape_.scale;
  }
}

double AllKeysSums::sum_one_by_one(const double* q, std::int64_t position, double* by_query) const {
  const std::size_t d = shape_.d, visible = static_cast<std::size_t>(position + 1);
  const MomentForm f(d, coefficients_);
  std::vector<double> keys;
  double sum = 0.0;
  if (by_query) std::fill_n(by_query, d, 0.0);
  for (std::size_t begin = 0; begin < visible; begin += kRun) {
    const std::size_t end = std::min(visible, begin + kRun);
    read_keys(begin, end, keys);
    for (const double* k = keys.data(); k < keys.data() + keys.size(); k += d) {
      const double x = dot(q, k, d);
      sum += f.term(x);
      if (by_query) add_multiple(by_query, f.slope(x), k, d);
    }
  }
  return sum;
}

void AllKeysSums::sums(double* values, double* by_query) {
  const std::size_t d = shape_.d, lanes = shape_.lanes();
  // Keys that a query sees whole runs of are taken by their moments; those after them one by one.
  const auto in_runs = [&](std::size_t lane) -> std::size_t {
    const auto visible = static_cast<std::size_t>(shape_.position(lane) + 1);
    return few_ ? 0 : shape_.options.causal ? visible / kRun * kRun : visible;
  };
  MomentForm form(d, coefficients_);
  const std::vector<double> ones(kRun, 1.0);
  std::vector<double> keys, rest, queries;
  std::size_t seen = 0;              // keys in the form
  std::size_t rest_from = shape_.n;  // the first key of `rest`
  for (std::size_t lane = 0; lane < lanes;) {
    const std::size_t whole = in_runs(lane);
    for (; seen < whole; seen += std::min(kRun, whole - seen)) {
      read_keys(seen, seen + std::min(kRun, whole - seen), keys);
      form.add(keys.data(), ones.data(), keys.size() / d);
    }
    if (rest_from != whole) {
      read_keys(whole, few_ ? shape_.n : std::min(shape_.n, whole + kRun), rest);
      rest_from = whole;
    }
    std::size_t end = lane + 1;
    while (end < lanes && in_runs(end) == whole && end - lane < kRun) ++end;
    read_queries(lane, end, queries);
    form.evaluate(queries.data(), end - lane, values + lane, by_query ? by_query + lane * d : nullptr);
    for (const double* q = queries.data(); lane < end; ++lane, q += d) {
      double* gradient = by_query ? by_query + lane * d : nullptr;
      is_alone_[lane] = whole > 0 && form.is_doubtful(q, values[lane]);
      if (is_alone_[lane]) {
        values[lane] = sum_one_by_one(q, shape_.position(lane), gradient);
        continue;
      }
      for (std::size_t key = whole; static_cast<std::int64_t>(key) <= shape_.position(lane); ++key) {
        const double* k = &rest[(key - whole) * d];
        const double x = dot(q, k, d);
        values[lane] += form.term(x);
        if (gradient) add_multiple(gradient, form.slope(x), k, d);
      }
    }
  }
}

void AllKeysSums::by_key(const std::vector<double>& weights, std::vector<double>& out) const {
  const std::size_t d = shape_.d, n = shape_.n, lanes = shape_.lanes();
  out.assign(n * d, 0.0);
  MomentForm form(d, coefficients_);
  std::vector<double> values(kRun), shared(kRun), keys, queries;
  std::size_t taken = lanes;  // queries in the form, last first
  const auto sees = [&](std::size_t lane, std::size_t key) {
    return shape_.position(lane) >= static_cast<std::int64_t>(key);
  };
  const std::size_t first = few_ ? lanes : 0;  // queries before it are taken one by one
  for (std::size_t end = n; end > 0;) {
    // Runs of keys, last first, and the queries that see the whole run.
    const std::size_t begin = (end - 1) / kRun * kRun;
    std::size_t from = taken;
    while (from > first && sees(from - 1, end - 1)) --from;
    for (std::size_t at = from; at < taken; at += std::min(kRun, taken - at)) {
      const std::size_t count = std::min(kRun, taken - at);
      read_queries(at, at + count, queries);
      std::copy_n(&weights[at], count, shared.begin());
      for (std::size_t i = 0; i < count; ++i) {
        if (is_alone_[at + i]) shared[i] = 0.0;
      }
      form.add(queries.data(), shared.data(), count);
    }
    taken = from;
    read_keys(begin, end, keys);
    form.evaluate(keys.data(), end - begin, values.data(), &out[begin * d]);
    for (std::size_t lane = lanes; lane-- > 0 && sees(lane, begin);) {
      if (lane >= taken && !is_alone_[lane]) continue;
      read_queries(lane, lane + 1, queries);
      const auto visible = static_cast<std::size_t>(shape_.position(lane) + 1);
      for (std::size_t key = begin; key < std::min(end, visible); ++key) {
        const double x = dot(queries.data(), &keys[(key - begin) * d], d);
        add_multiple(&out[key * d], weights[lane] * form.slope(x), queries.data(), d);
      }
    }
    end = begin;
  }
}

}  // namespace heavykeys::detail
