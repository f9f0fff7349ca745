#include "lib/normalizer.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "lib/kernels.hpp"
#include "lib/scaled_gram.hpp"

namespace heavykeys::detail {

namespace {

constexpr double kSlack = 1.0 + 1e-10;    // rounding of the bounds themselves
constexpr double kUnderflow = 0x1p-1000;  // scaled coordinates below 2^-1022 may have lost bits

}  // namespace

ScaledQuery ScaledQuery::make(const double* raw, const std::vector<int>& s, double* out) {
  ScaledQuery q;
  q.raw = raw;
  q.scaled = out;
  int top = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (raw[i] == 0.0) continue;
    const int e = std::ilogb(raw[i]) + s[i];
    top = q.zero ? e : std::max(top, e);
    q.zero = false;
  }
  q.shift = top;
  double squares = 0.0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    out[i] = raw[i] == 0.0 ? 0.0 : std::ldexp(raw[i], s[i] - top);
    q.norm1 += std::fabs(out[i]);
    squares += out[i] * out[i];
  }
  q.norm1 *= kSlack;
  q.norm2 = std::sqrt(squares) * kSlack;
  return q;
}

Normalizer::Normalizer(ExactGram g, std::vector<int> s)
    : gram(std::move(g)),
      scale(std::move(s)),
      ld(padded(gram.dim())),
      matrix(gram.dim() * ld),
      low(gram.dim() * ld) {
  for (std::size_t i = 0; i < gram.dim(); ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const DoubleDouble v = scaled_entry(gram, scale, i, j);
      matrix[i * ld + j] = matrix[j * ld + i] = v.hi;
      low[i * ld + j] = low[j * ld + i] = v.lo;
    }
  }
}

Bounded Normalizer::operator()(const ScaledQuery& q, double needed) const {
  const std::size_t d = gram.dim();
  const double n = static_cast<double>(d);
  std::vector<double> image(ld);
  dot_products(q.scaled, 1, d, matrix.data(), ld, image.data());
  double value = 0.0;
  for (std::size_t i = 0; i < d; ++i) value += q.scaled[i] * image[i];
  // Rounded matrix, two dot products: gamma_(2d+4) sum |q_i| |G_ij| |q_j|, first with |G_ij| <= 1.
  const double gamma = (2 * n + 6) * 0x1p-53 * kSlack;
  Bounded out{value, gamma * q.norm1 * q.norm1 + kUnderflow};
  if (out.error <= kTolerance * (value + needed)) return out;

  double absolute = 0.0;
  for (std::size_t i = 0; i < d; ++i) {
    double sum = 0.0;
    for (std::size_t j = 0; j < d; ++j) sum += std::fabs(matrix[i * ld + j] * q.scaled[j]);
    absolute += std::fabs(q.scaled[i]) * sum;
  }
  absolute *= kSlack * (1.0 + gamma);
  out.error = gamma * absolute + kUnderflow;
  if (out.error <= kTolerance * (value + needed)) return out;

  DoubleDouble precise;
  for (std::size_t i = 0; i < d; ++i) {
    DoubleDouble sum;
    for (std::size_t j = 0; j < d; ++j) {
      sum = sum + DoubleDouble(matrix[i * ld + j], low[i * ld + j]) * DoubleDouble(q.scaled[j]);
    }
    precise = precise + sum * DoubleDouble(q.scaled[i]);
  }
  const double rounded = static_cast<double>(precise);
  return {rounded, (2 * n + 6) * 0x1p-100 * absolute * 2.0 + std::fabs(rounded) * 0x1p-52 + kUnderflow};
}

Dyadic Normalizer::exact(const double* raw) const {
  Dyadic total;
  for (std::size_t i = 0; i < gram.dim(); ++i) {
    if (raw[i] == 0.0) continue;
    Dyadic sum;
    for (std::size_t j = 0; j < gram.dim(); ++j) {
      if (raw[j] != 0.0) sum = sum + gram.entry(i, j) * Dyadic(raw[j]);
    }
    total = total + sum * Dyadic(raw[i]);
  }
  return total;
}

}  // namespace heavykeys::detail
