#include "tests/adversary/search.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace adversary {
namespace {

// Rows 0 .. outside by leverage against a factor, greatest first.
std::vector<std::size_t> by_leverage(const Instance& instance, const Factor& factor) {
  std::vector<double> leverage(instance.outside);
  for (std::size_t i = 0; i < instance.outside; ++i) leverage[i] = factor.quadratic(instance.row(i));
  std::vector<std::size_t> order(instance.outside);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return leverage[a] > leverage[b]; });
  return order;
}

double dot(const double* a, const double* b, std::size_t d) { return std::inner_product(a, a + d, b, 0.0); }

}  // namespace

Search::Search(const Instance& instance, std::uint64_t seed)
    : instance_(instance),
      random_(seed),
      examiner_(instance, seed + 1),
      whole_(weighted_gram(instance.rows.data(), nullptr, instance.n, instance.d), instance.d) {
  targets_[0] = by_leverage(instance, whole_);
  const Factor left(weighted_gram(instance.rows.data(), nullptr, instance.outside, instance.d), instance.d);
  targets_[1] = by_leverage(instance, left);
}

// The likeliest first; later ones at random, but seldom far down.
std::size_t Search::next_target() {
  const std::vector<std::size_t>& order = targets_[turn_++ % 2];
  const double u = random_.uniform();
  const std::size_t at =
      turn_ < 16 ? turn_ / 2 : static_cast<std::size_t>(u * u * u * static_cast<double>(order.size()));
  return order[std::min(at, order.size() - 1)];
}

void Search::random_query() {
  const std::size_t d = instance_.d;
  std::vector<double> q(d);
  const double* a = instance_.row(random_.below(instance_.n));
  const double* b = instance_.row(random_.below(instance_.n));
  const std::size_t kind = random_.below(4), hot = random_.below(d);
  const double mix = random_.gaussian();
  for (std::size_t c = 0; c < d; ++c) {
    if (kind == 0) q[c] = random_.gaussian();
    if (kind == 1) q[c] = a[c];
    if (kind == 2) q[c] = a[c] + mix * b[c];
    if (kind == 3) q[c] = c == hot ? 1.0 : 0.0;
  }
  examiner_.ray(q, "random");
}

void Search::subset_query() {
  std::vector<double> weights(instance_.n);
  const double share = random_.uniform();
  for (double& w : weights) w = random_.uniform() < share ? 1.0 : 0.0;
  const std::size_t j = next_target();
  weights[j] = 1;
  const Factor factor(weighted_gram(instance_.rows.data(), weights.data(), instance_.n, instance_.d),
                      instance_.d);
  examiner_.ray(factor.solve(instance_.row(j)), "subset");
}

void Search::peel(std::size_t j) {
  const std::size_t n = instance_.n, d = instance_.d;
  std::vector<double> weights(n, 1.0), x(n), q = whitened(j), best = q;
  double best_ratio = 0, size = 1;
  const int most = std::min(12, static_cast<int>(1 / instance_.epsilon));
  for (int left_out = 0;; ++left_out) {
    const Peak peak = examiner_.ray(q, "peel");
    const double product = std::fabs(dot(q.data(), instance_.row(j), d));
    if (peak.ratio > best_ratio) best_ratio = peak.ratio, best = q, size = peak.scale * product;
    if (left_out == most) break;
    products(instance_.columns.data(), q.data(), n, d, x.data());
    std::size_t worst = n;
    for (std::size_t l = 0; l < n; ++l) {
      if (l != j && weights[l] != 0 && (worst == n || std::fabs(x[l]) > std::fabs(x[worst]))) worst = l;
    }
    if (worst == n) break;
    weights[worst] = 0;
    q = Factor(weighted_gram(instance_.rows.data(), weights.data(), n, d), d).solve(instance_.row(j));
  }
  climb(j, best, size);
  // Scores that are not homogeneous change their nature about 1.
  if (!instance_.shape.homogeneous) climb(j, best, std::pow(10.0, 4 * random_.uniform() - 2));
}

void Search::climb(std::size_t j, std::vector<double> q, double size) {
  const std::size_t n = instance_.n, d = instance_.d;
  const double* key = instance_.row(j);
  std::vector<double> x(n), weights(n);
  // A whole step is the minimum of a majorant where f is concave in x^2, else it overshoots.
  const int growth = 2 * instance_.shape.law.degrees.back();
  const double step = growth > 2 ? 1.0 / (growth - 1) : 1.0;
  double best = 0;
  int stalled = 0;
  for (int i = 0; i < 16 && stalled < 2; ++i) {
    const double product = dot(q.data(), key, d);
    if (!(std::fabs(product) > 0) || !(size > 0)) return;
    for (double& v : q) v *= size / product;
    products(instance_.columns.data(), q.data(), n, d, x.data());
    for (double& v : x) v = std::max(std::fabs(v), 1e-8 * size);  // slopes have poles at 0
    instance_.shape.slope(x.data(), n, weights.data());
    const std::vector<double> y =
        Factor(weighted_gram(instance_.rows.data(), weights.data(), n, d), d).solve(key);
    const double reach = dot(y.data(), key, d);
    if (!(reach > 0) || !std::isfinite(reach)) return;
    for (std::size_t c = 0; c < d; ++c) q[c] += step * (y[c] * size / reach - q[c]);
    const Peak peak = examiner_.once(q, "climb");
    stalled = peak.ratio > best * (1 + 1e-6) ? 0 : stalled + 1;
    best = std::max(best, peak.ratio);
  }
  examiner_.ray(q, "climb");
}

void Search::wander() {
  const Finding from = examiner_.best();
  if (from.query.empty()) return;
  std::vector<double> q(instance_.d);
  for (std::size_t c = 0; c < q.size(); ++c) q[c] = std::ldexp(from.query[c], instance_.column_exponents[c]);
  double best = from.peak.ratio, step = 0.1;
  std::vector<double> x(instance_.n);
  for (int i = 0; i < 24; ++i) {
    const std::size_t other = random_.below(instance_.n);
    const std::vector<double> y = whitened(other);
    products(instance_.columns.data(), q.data(), instance_.n, instance_.d, x.data());
    const double norm = std::sqrt(dot(x.data(), x.data(), instance_.n));
    const double leverage = std::max(whole_.quadratic(instance_.row(other)), 1e-30);
    const double by = random_.sign() * step * norm / std::sqrt(leverage);
    std::vector<double> moved = q;
    for (std::size_t c = 0; c < q.size(); ++c) moved[c] += by * y[c];
    const Peak peak = examiner_.once(moved, "wander");
    if (peak.ratio > best) {
      best = peak.ratio, q = moved, step *= 1.5;
    } else {
      step *= 0.8;
    }
  }
}

void Search::run(std::uint64_t pairs) {
  if (instance_.outside == 0) return;
  do {
    for (int i = 0; i < 4; ++i) examiner_.ray(whitened(next_target()), "whitened");
    for (int i = 0; i < 2; ++i) random_query();
    subset_query();
    peel(next_target());
    wander();
  } while (examiner_.pairs() < pairs);
}

}  // namespace adversary
