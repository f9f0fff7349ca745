#include "lib/normalizer.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "lib/kernels.hpp"
#include "lib/powers_of_two.hpp"
#include "lib/scaled_gram.hpp"

namespace heavykeys::detail {

namespace {

constexpr double kSlack = 1.0 + 1e-10;    // rounding of the bounds themselves
constexpr double kUnderflow = 0x1p-1000;  // scaled coordinates below 2^-1022 may have lost bits

/// Exponents further apart than this leave float64's range once multiplied by sums of powers.
constexpr int kGreatestSpread = 400;

}  // namespace

ScaledQuery ScaledQuery::make(const double* raw, const std::vector<int>& s, double* out) {
  ScaledQuery q;
  q.raw = raw;
  q.scaled = out;
  int top = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (raw[i] == 0.0) continue;
    const int e = binary_exponent(raw[i]) + s[i];
    top = q.zero ? e : std::max(top, e);
    q.zero = false;
  }
  q.shift = top;
  double squares = 0.0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    out[i] = raw[i] == 0.0 ? 0.0 : scale_far(raw[i], s[i] - top);
    q.norm1 += std::fabs(out[i]);
    squares += out[i] * out[i];
  }
  q.norm1 *= kSlack;
  q.norm2 = std::sqrt(squares) * kSlack;
  return q;
}

ScaledPolynomial::ScaledPolynomial(const std::vector<double>& c, int shift) : coefficients(c) {
  int top = 0, bottom = 0;
  bool any = false;
  for (std::size_t i = 0; i < c.size(); ++i) {
    if (c[i] == 0.0) continue;
    const int e = std::ilogb(c[i]) + 2 * static_cast<int>(i) * shift;
    top = any ? std::max(top, e) : e;
    bottom = any ? std::min(bottom, e) : e;
    any = true;
  }
  in_range = top - bottom <= kGreatestSpread;
  exponent = top;
  for (std::size_t i = 0; i < c.size(); ++i) {
    if (c[i] != 0.0) coefficients[i] = std::ldexp(c[i], 2 * static_cast<int>(i) * shift - top);
  }
}

double ScaledPolynomial::operator()(double x) const {
  const double t = x * x;
  double sum = 0.0;
  for (std::size_t i = coefficients.size(); i-- > 0;) sum = sum * t + coefficients[i];
  return sum;
}

std::vector<double> polynomial_of(const Score& score) {
  if (score.kind == Score::Kind::polynomial) return score.coefficients;
  std::vector<double> c(static_cast<std::size_t>(score.parameter / 2.0) + 1, 0.0);
  c.back() = 1.0;
  return c;
}

std::vector<int> key_scale(const Plan& plan, const ExactGram& gram) {
  if (plan.lift.is_trivial()) return equilibration(gram);
  std::vector<int> s(plan.spec.dim, 0);
  const int power = 2 * plan.lift.top_degree();
  for (std::size_t i = 0; i < s.size(); ++i) {
    const std::size_t c = plan.lift.top_power(i);
    if (gram.is_empty_column(c)) continue;
    const int x = gram.entry(c, c).binary_exponent();  // sum_l k_li^power < 2^x
    s[i] = x >= 0 ? (x + power - 1) / power : -((-x) / power);
  }
  return s;
}

Normalizer::Normalizer(PlanPtr plan, const ExactGram& gram, std::vector<int> scale,
                       std::vector<double> coefficients)
    : plan_(std::move(plan)),
      gram_(gram),
      scale_(std::move(scale)),
      coefficients_(std::move(coefficients)),
      ld_(padded(gram.dim())),
      matrix_(gram.dim() * ld_),
      low_(gram.dim() * ld_) {
  const Lift& lift = plan_->lift;
  std::vector<int> s(gram.dim());
  lift.sums(scale_.data(), s.data());
  for (std::size_t i = 0; i < gram.dim(); ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      if (lift.degree(i) != lift.degree(j)) continue;
      const DoubleDouble v = scaled_entry(gram, s, i, j);
      matrix_[i * ld_ + j] = matrix_[j * ld_ + i] = v.hi;
      low_[i * ld_ + j] = low_[j * ld_ + i] = v.lo;
      greatest_ = std::max(greatest_, std::fabs(v.hi));
    }
  }
}

Bounded Normalizer::operator()(const ScaledQuery& q, const ScaledPolynomial& f, double needed) const {
  const Lift& lift = plan_->lift;
  const std::size_t d = gram_.dim();
  const double n = static_cast<double>(d);
  // v: monomials of the query with their multiplicities; c v: times the coefficient of their degree.
  std::vector<double> v(d), cv(d), image(ld_);
  lift.products(q.scaled, v.data());
  double norm1 = 0.0, norm1_c = 0.0;
  for (std::size_t i = 0; i < d; ++i) {
    if (!lift.is_trivial()) v[i] *= lift.multiplicity(i);
    cv[i] = f.coefficients[static_cast<std::size_t>(lift.degree(i))] * v[i];
    norm1 += std::fabs(v[i]);
    norm1_c += std::fabs(cv[i]);
  }
  dot_products(v.data(), 1, d, matrix_.data(), ld_, image.data());
  double value = 0.0;
  for (std::size_t i = 0; i < d; ++i) value += cv[i] * image[i];
  // Rounded matrix, two dot products, up to s + 1 roundings of each monomial and one of its coefficient:
  // gamma sum |c_i v_i| |G_ij| |v_j|, first with |G_ij| <= greatest.
  const int roundings = lift.is_trivial() ? 6 : 10 + 2 * lift.top_degree();
  const double gamma = (2 * n + roundings) * 0x1p-53 * kSlack;
  Bounded out{value, gamma * greatest_ * (norm1 * kSlack) * (norm1_c * kSlack) + kUnderflow};
  if (out.error <= kTolerance * (value + needed)) return out;

  double absolute = 0.0;
  for (std::size_t i = 0; i < d; ++i) {
    double sum = 0.0;
    for (std::size_t j = 0; j < d; ++j) sum += std::fabs(matrix_[i * ld_ + j] * v[j]);
    absolute += std::fabs(cv[i]) * sum;
  }
  absolute *= kSlack * (1.0 + gamma);
  out.error = gamma * absolute + kUnderflow;
  if (out.error <= kTolerance * (value + needed)) return out;

  std::vector<DoubleDouble> base(q.scaled, q.scaled + lift.dim()), w(d);
  lift.products(base.data(), w.data());
  for (std::size_t i = 0; i < d; ++i) w[i] = w[i] * DoubleDouble(lift.multiplicity(i));
  DoubleDouble precise;
  for (std::size_t i = 0; i < d; ++i) {
    DoubleDouble sum;
    for (std::size_t j = 0; j < d; ++j) {
      if (lift.degree(i) == lift.degree(j)) {
        sum = sum + DoubleDouble(matrix_[i * ld_ + j], low_[i * ld_ + j]) * w[j];
      }
    }
    const double c = f.coefficients[static_cast<std::size_t>(lift.degree(i))];
    precise = precise + sum * (w[i] * DoubleDouble(c));
  }
  const double rounded = static_cast<double>(precise);
  return {rounded,
          (2 * n + roundings) * 0x1p-100 * absolute * 2.0 + std::fabs(rounded) * 0x1p-52 + kUnderflow};
}

Dyadic Normalizer::exact(const double* raw) const {
  const Lift& lift = plan_->lift;
  std::vector<Dyadic> base(lift.dim()), v(gram_.dim());
  for (std::size_t i = 0; i < lift.dim(); ++i) base[i] = Dyadic(raw[i]);
  lift.fold(base.data(), Dyadic(1.0), v.data(), [](const Dyadic& a, const Dyadic& b) { return a * b; });
  Dyadic total;
  for (std::size_t i = 0; i < gram_.dim(); ++i) {
    const double c = coefficients_[static_cast<std::size_t>(lift.degree(i))] * lift.multiplicity(i);
    if (c == 0.0 || v[i].sign() == 0) continue;
    Dyadic sum;
    for (std::size_t j = 0; j < gram_.dim(); ++j) {
      if (lift.degree(i) != lift.degree(j) || v[j].sign() == 0) continue;
      sum = sum + gram_.entry(i, j) * (v[j] * Dyadic(lift.multiplicity(j)));
    }
    total = total + sum * (v[i] * Dyadic(lift.multiplicity(i)) *
                           Dyadic(coefficients_[static_cast<std::size_t>(lift.degree(i))]));
  }
  return total;
}

}  // namespace heavykeys::detail
