#include "tests/adversary/verdict.hpp"

#include <algorithm>
#include <cmath>

#include "tests/laws/score_agreement.hpp"

namespace adversary {

namespace {

using agreement::Real;

// q.k_l for every gridded key, in twice long double's precision: q in two pieces of 32 bits and fewer, so
// that every product with a key of 24 bits is exact, and a sum that keeps what each addition loses.
std::vector<Real> precise_products(const Instance& instance, const std::vector<double>& query) {
  const std::size_t d = instance.d;
  std::vector<Real> high(d), low(d), x(instance.n);
  for (std::size_t c = 0; c < d; ++c) {
    int e = 0;
    const double head = std::frexp(query[c], &e);
    high[c] = std::ldexp(Real{std::rint(std::ldexp(head, 31))}, e - 31);
    low[c] = query[c] - high[c];
  }
  for (std::size_t j = 0; j < instance.n; ++j) {
    Real sum = 0, lost = 0;
    const auto add = [&](Real v) {
      const Real next = sum + v, part = next - sum;
      lost += (sum - (next - part)) + (v - part);
      sum = next;
    };
    for (std::size_t c = 0; c < d; ++c) {
      add(high[c] * instance.gridded[j * d + c]);
      add(low[c] * instance.gridded[j * d + c]);
    }
    x[j] = sum + lost;
  }
  return x;
}

std::vector<Real> weights_of(const Shape& shape, const std::vector<Real>& x) {
  std::vector<Real> w(x.size());
  Real total = 0;
  for (std::size_t j = 0; j < x.size(); ++j) total += w[j] = shape.law.f(x[j]);
  if (total == 0) return {};
  for (Real& v : w) v /= total;
  return w;
}

}  // namespace

long double true_ratio(const Instance& instance, const Finding& finding) {
  const auto weights = weights_of(instance.shape, precise_products(instance, finding.query));
  return weights.empty() ? 0 : weights[instance.order[finding.peak.row]] / instance.epsilon;
}

Intervals check_intervals(const Instance& instance, const heavykeys::UniversalSet& set,
                          const std::vector<std::vector<double>>& queries) {
  support::Matrix q(queries.size(), instance.d);
  std::vector<std::vector<Real>> truth;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    std::copy(queries[i].begin(), queries[i].end(), q.row(i));
    truth.push_back(weights_of(instance.shape, precise_products(instance, queries[i])));
  }
  Intervals result;
  for (const auto mode : {heavykeys::Mode::no_false_negatives, heavykeys::Mode::no_false_positives}) {
    const auto found = heavy_entries(set, heavykeys::rows(q.values.data(), q.rows, q.cols),
                                     heavykeys::HeavyOptions{mode, 0.0});
    if (const std::string wrong = agreement::shape(found, q.rows); !wrong.empty()) {
      ++result.violations;
      result.first = wrong;
      continue;
    }
    for (std::size_t i = 0; i < q.rows; ++i) {
      const std::string wrong = agreement::intervals(found, i, truth[i], instance.epsilon, mode);
      result.violations += static_cast<std::size_t>(std::count(wrong.begin(), wrong.end(), '\n'));
      if (result.first.empty()) result.first = wrong.substr(0, wrong.find('\n'));
    }
    result.entries += found.keys.size();
    for (std::size_t e = 0; e < found.keys.size(); ++e) {
      if (found.lower[e] > 0) result.widest = std::max(result.widest, found.upper[e] / found.lower[e]);
    }
  }
  return result;
}

}  // namespace adversary
