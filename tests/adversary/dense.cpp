#include "tests/adversary/dense.hpp"

#include <algorithm>
#include <cmath>

namespace adversary {

std::vector<double> weighted_gram(const double* rows, const double* weights, std::size_t n, std::size_t d) {
  std::vector<double> a(d * d, 0.0);
  for (std::size_t j = 0; j < n; ++j) {
    const double w = weights == nullptr ? 1.0 : weights[j];
    if (w == 0) continue;
    const double* k = rows + j * d;
    for (std::size_t r = 0; r < d; ++r) {
      const double v = w * k[r];
      double* to = a.data() + r * d;
      for (std::size_t c = 0; c <= r; ++c) to[c] += v * k[c];
    }
  }
  for (std::size_t r = 0; r < d; ++r) {
    for (std::size_t c = 0; c < r; ++c) a[c * d + r] = a[r * d + c];
  }
  return a;
}

Factor::Factor(std::vector<double> a, std::size_t d) : d_(d), l_(d * d, 0.0), scale_(d, 0.0) {
  for (std::size_t i = 0; i < d; ++i) scale_[i] = a[i * d + i] > 0 ? 1 / std::sqrt(a[i * d + i]) : 0;
  for (std::size_t j = 0; j < d; ++j) {
    for (std::size_t i = j; i < d; ++i) {
      double sum = a[i * d + j] * scale_[i] * scale_[j];
      for (std::size_t c = 0; c < j; ++c) sum -= l_[i * d + c] * l_[j * d + c];
      if (i == j) {
        if (scale_[j] > 0) least_pivot_ = std::min(least_pivot_, sum);
        l_[j * d + j] = sum > 1e-13 ? std::sqrt(sum) : 0;
      } else {
        l_[i * d + j] = l_[j * d + j] > 0 ? sum / l_[j * d + j] : 0;
      }
    }
  }
}

std::vector<double> Factor::forward(const double* b) const {
  std::vector<double> y(d_);
  for (std::size_t i = 0; i < d_; ++i) {
    double sum = b[i] * scale_[i];
    for (std::size_t c = 0; c < i; ++c) sum -= l_[i * d_ + c] * y[c];
    y[i] = l_[i * d_ + i] > 0 ? sum / l_[i * d_ + i] : 0;
  }
  return y;
}

std::vector<double> Factor::solve(const double* b) const {
  std::vector<double> x = forward(b);
  for (std::size_t i = d_; i-- > 0;) {
    for (std::size_t r = i + 1; r < d_; ++r) x[i] -= l_[r * d_ + i] * x[r];
    x[i] = l_[i * d_ + i] > 0 ? x[i] / l_[i * d_ + i] : 0;
  }
  for (std::size_t i = 0; i < d_; ++i) x[i] *= scale_[i];
  return x;
}

double Factor::quadratic(const double* b) const {
  double sum = 0;
  for (double v : forward(b)) sum += v * v;
  return sum;
}

void products(const double* columns, const double* q, std::size_t n, std::size_t d, double* out) {
  // A piece of out stays in the first-level cache while all columns pass.
  constexpr std::size_t piece = 1024;
  for (std::size_t begin = 0; begin < n; begin += piece) {
    const std::size_t count = std::min(piece, n - begin);
    double* to = out + begin;
    std::fill_n(to, count, 0.0);
    std::size_t c = 0;
    for (; c + 4 <= d; c += 4) {
      const double *a = columns + c * n + begin, *b = a + n, *e = b + n, *f = e + n;
      const double qa = q[c], qb = q[c + 1], qe = q[c + 2], qf = q[c + 3];
      for (std::size_t j = 0; j < count; ++j) to[j] += qa * a[j] + qb * b[j] + qe * e[j] + qf * f[j];
    }
    for (; c < d; ++c) {
      const double* a = columns + c * n + begin;
      for (std::size_t j = 0; j < count; ++j) to[j] += q[c] * a[j];
    }
  }
}

}  // namespace adversary
