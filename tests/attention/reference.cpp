#include "attention/reference.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "heavykeys/parallel.hpp"

namespace attention {

using heavykeys::Score;
using Real = long double;

namespace {

/// f and f', softmax relative to e^shift.
struct Value {
  Real f = 0, slope = 0;
};

Value value_of(const Score& score, Real x, Real shift) {
  const Real size = std::abs(x);
  switch (score.kind) {
    case Score::Kind::softmax: {
      const Real f = std::exp(static_cast<Real>(score.parameter) * x - shift);
      return {f, static_cast<Real>(score.parameter) * f};
    }
    case Score::Kind::power: {
      const Real p = score.parameter;
      if (x == 0) return {};
      return {std::pow(size, p), p * std::pow(size, p - 1) * (x < 0 ? -1 : 1)};
    }
    case Score::Kind::expressive: {
      const Real t = 1 + x * x;
      return {x * x / t, 2 * x / (t * t)};
    }
    case Score::Kind::polynomial: {
      Value v;
      for (std::size_t i = 0; i < score.coefficients.size(); ++i) {
        const Real c = score.coefficients[i];
        v.f += c * std::pow(x, static_cast<Real>(2 * i));
        if (i > 0) v.slope += static_cast<Real>(2 * i) * c * std::pow(x, static_cast<Real>(2 * i - 1));
      }
      return v;
    }
    case Score::Kind::custom:
      break;
  }
  throw std::logic_error("no reference for this score");
}

std::size_t at(std::size_t b, std::size_t heads, std::size_t h, std::size_t rows, std::size_t r,
               std::size_t dim) {
  return ((b * heads + h) * rows + r) * dim;
}

Real dot(const double* a, const double* b, std::size_t n) {
  Real sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<Real>(a[i]) * static_cast<Real>(b[i]);
  return sum;
}

/// Whether query row i of head h may see, and attends to, key j.
struct Mask {
  bool sees = false, attends = false;
};

Mask mask_of(const Case& c, std::size_t b, std::size_t h, std::size_t i, std::size_t j) {
  const auto n = static_cast<long long>(c.n), key = static_cast<long long>(j);
  const long long position =
      c.options.causal ? static_cast<long long>(i) + n - static_cast<long long>(c.m) : n - 1;
  Mask mask;
  mask.sees = key <= position;
  if (!mask.sees) return mask;
  const std::size_t unit = b * c.heads + h / (c.query_heads / c.heads);
  for (auto e = static_cast<std::size_t>(c.sets.indptr[unit]);
       e < static_cast<std::size_t>(c.sets.indptr[unit + 1]); ++e) {
    if (c.sets.keys[e] == key && (c.sets.until.empty() || position < c.sets.until[e])) mask.attends = true;
  }
  if (j < c.options.sinks || key > position - static_cast<long long>(c.options.window)) mask.attends = true;
  return mask;
}

void one_query(const Case& c, std::size_t b, std::size_t h, std::size_t i, Result& out, std::vector<Real>& dk,
               std::vector<Real>& dv) {
  const std::size_t kv = h / (c.query_heads / c.heads), q_at = at(b, c.query_heads, h, c.m, i, c.d);
  const std::size_t o_at = at(b, c.query_heads, h, c.m, i, c.dv);
  const double* grad = &c.grad_out[o_at];
  std::vector<Real> x(c.n);
  std::vector<Mask> mask(c.n);
  Real shift = -1e4000L;
  for (std::size_t j = 0; j < c.n; ++j) {
    mask[j] = mask_of(c, b, h, i, j);
    x[j] = static_cast<Real>(c.options.scale) *
           dot(&c.queries[q_at], &c.keys[at(b, c.heads, kv, c.n, j, c.d)], c.d);
    if (mask[j].attends) shift = std::max(shift, static_cast<Real>(c.options.score.parameter) * x[j]);
  }
  const bool over_all = c.options.normalise == heavykeys::Normalise::all_keys;
  Real sum = 0, attended = 0;
  for (std::size_t j = 0; j < c.n; ++j) {
    const Real f = value_of(c.options.score, x[j], shift).f;
    if (mask[j].attends) attended += f;
    if (over_all ? mask[j].sees : mask[j].attends) sum += f;
  }
  if (attended == 0) return;
  std::vector<Real> o(c.dv);
  for (std::size_t j = 0; j < c.n; ++j) {
    if (!mask[j].attends) continue;
    const Real a = value_of(c.options.score, x[j], shift).f / sum;
    for (std::size_t e = 0; e < c.dv; ++e) {
      const std::size_t v = at(b, c.heads, kv, c.n, j, c.dv) + e;
      o[e] += a * static_cast<Real>(c.values[v]);
      dv[v] += a * static_cast<Real>(grad[e]);
    }
  }
  Real mean = 0;  // grad . o
  for (std::size_t e = 0; e < c.dv; ++e) {
    out.out[o_at + e] = static_cast<double>(o[e]);
    mean += o[e] * static_cast<Real>(grad[e]);
  }
  for (std::size_t j = 0; j < c.n; ++j) {
    const bool normalises = over_all ? mask[j].sees : mask[j].attends;
    Real by_weight = normalises ? -mean : 0;
    if (mask[j].attends) by_weight += dot(grad, &c.values[at(b, c.heads, kv, c.n, j, c.dv)], c.dv);
    const Real by_x =
        value_of(c.options.score, x[j], shift).slope / sum * by_weight * static_cast<Real>(c.options.scale);
    if (!normalises) continue;
    for (std::size_t e = 0; e < c.d; ++e) {
      const std::size_t k = at(b, c.heads, kv, c.n, j, c.d) + e;
      out.queries[q_at + e] += static_cast<double>(by_x * static_cast<Real>(c.keys[k]));
      dk[k] += by_x * static_cast<Real>(c.queries[q_at + e]);
    }
  }
}

}  // namespace

Result reference(const Case& c) {
  Result out;
  out.out.resize(c.batch * c.query_heads * c.m * c.dv);
  out.queries.resize(c.queries.size());
  std::vector<Real> dk(c.keys.size()), dv(c.values.size());
  for (std::size_t b = 0; b < c.batch; ++b) {
    for (std::size_t h = 0; h < c.query_heads; ++h) {
      for (std::size_t i = 0; i < c.m; ++i) one_query(c, b, h, i, out, dk, dv);
    }
  }
  out.keys.assign(dk.begin(), dk.end());
  out.values.assign(dv.begin(), dv.end());
  return out;
}

void draw(Case& c, heavykeys::Dtype dtype, bool with_until, support::Random& random) {
  const auto fill = [&](std::vector<double>& values, std::size_t count) {
    values.resize(count);
    for (double& x : values) x = random.gaussian();
    values = support::rounded(values, dtype);
  };
  fill(c.queries, c.batch * c.query_heads * c.m * c.d);
  fill(c.keys, c.batch * c.heads * c.n * c.d);
  fill(c.values, c.batch * c.heads * c.n * c.dv);
  fill(c.grad_out, c.batch * c.query_heads * c.m * c.dv);
  c.sets = {c.batch, c.heads, static_cast<std::int64_t>(c.n), {0}, {}, {}};
  for (std::size_t unit = 0; unit < c.batch * c.heads; ++unit) {
    const std::size_t share = random.below(5);  // of 4: from none to all
    for (std::size_t j = 0; j < c.n; ++j) {
      if (random.below(4) >= share) continue;
      c.sets.keys.push_back(static_cast<std::int64_t>(j));
      if (with_until) c.sets.until.push_back(static_cast<std::int64_t>(j + 1 + random.below(c.n)));
    }
    c.sets.indptr.push_back(static_cast<std::int64_t>(c.sets.keys.size()));
  }
}

Result computed(const Case& c, heavykeys::Dtype dtype, support::Lie lie, int threads) {
  using support::TensorBuffer;
  TensorBuffer q(dtype, lie, c.batch, c.query_heads, c.m, c.d), k(dtype, lie, c.batch, c.heads, c.n, c.d);
  TensorBuffer v(dtype, lie, c.batch, c.heads, c.n, c.dv), out(dtype, lie, c.batch, c.query_heads, c.m, c.dv);
  TensorBuffer grad(dtype, lie, c.batch, c.query_heads, c.m, c.dv);
  TensorBuffer dq(dtype, lie, c.batch, c.query_heads, c.m, c.d), dk(dtype, lie, c.batch, c.heads, c.n, c.d);
  TensorBuffer dv(dtype, lie, c.batch, c.heads, c.n, c.dv);
  q.fill(c.queries);
  k.fill(c.keys);
  v.fill(c.values);
  grad.fill(c.grad_out);
  const heavykeys::AttendGradients gradients{dq.mutable_view(), dk.mutable_view(), dv.mutable_view()};
  if (threads < 0) {
    const auto sums = heavykeys::attend(q.view(), k.view(), v.view(), c.sets, c.options, out.mutable_view());
    heavykeys::attend_backward(q.view(), k.view(), v.view(), c.sets, c.options, out.view(), sums, grad.view(),
                               gradients);
  } else {
    const heavykeys::parallel::Options options{.threads = threads};
    const auto sums = heavykeys::parallel::attend(q.view(), k.view(), v.view(), c.sets, c.options,
                                                  out.mutable_view(), options);
    heavykeys::parallel::attend_backward(q.view(), k.view(), v.view(), c.sets, c.options, out.view(), sums,
                                         grad.view(), gradients, options);
  }
  for (const TensorBuffer* written : {&out, &dq, &dk, &dv}) {
    if (!written->gaps_are_untouched()) throw std::logic_error("written between elements");
  }
  return {out.values(), dq.values(), dk.values(), dv.values()};
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double most = a.size() == b.size() ? 0.0 : INFINITY, size = 1.0;
  for (const double y : b) size = std::max(size, std::fabs(y));
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double error = std::fabs(a[i] - b[i]);
    if (!(error <= most)) most = error;  // NaN too
  }
  return most / size;
}

std::string describe(const Case& c) {
  std::string text = c.options.score.name() + (c.options.causal ? " causal" : "") +
                     (c.sets.until.empty() ? "" : " until") +
                     (c.options.normalise == heavykeys::Normalise::all_keys ? " all-keys" : "");
  for (const std::size_t x :
       {c.batch, c.query_heads, c.heads, c.m, c.n, c.d, c.dv, c.options.sinks, c.options.window}) {
    text.append(1, ' ').append(std::to_string(x));
  }
  return text;
}

}  // namespace attention
