// The loops of attention on their own: products in a fixed order, e^x, ln, weights and their slopes; 16-bit
// floats.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

#include "heavykeys/isa.hpp"
#include "lib/attention_kernels.hpp"
#include "lib/dtype.hpp"
#include "lib/isa.hpp"
#include "lib/moment_form.hpp"
#include "support/random.hpp"

using namespace heavykeys::detail;

namespace {

template <class T>
std::vector<T> draw(std::size_t n, support::Random& random) {
  std::vector<T> out(n);
  for (T& x : out) x = static_cast<T>(random.gaussian());
  return out;
}

/// The product as the header says it: one fused multiply-add after another.
template <class T>
void by_the_letter(const Product<T>& p, const T* factor, bool add, T* c, std::size_t ldc) {
  for (std::size_t i = 0; i < p.rows; ++i) {
    for (std::size_t u = 0; u < p.width; ++u) {
      T sum = 0;
      for (std::size_t k = 0; k < p.depth; ++k) {
        const auto at = static_cast<std::ptrdiff_t>(i) * p.row + static_cast<std::ptrdiff_t>(k) * p.step;
        sum = std::fma(p.a[at], p.b[k * p.ldb + u], sum);
      }
      T& out = c[i * ldc + u];
      out = factor ? std::fma(out, factor[u], sum) : add ? out + sum : sum;
    }
  }
}

template <class T>
void check_products(support::Random& random) {
  for (int turn = 0; turn < 60; ++turn) {
    const std::size_t rows = random.below(20), depth = random.below(40), width = 16 * (1 + random.below(3));
    const std::size_t ldb = width + random.below(3), ldc = width + random.below(3);
    const bool by_columns = random.coin();
    const auto a = draw<T>((rows + 1) * (depth + 1), random), b = draw<T>(depth * ldb + 1, random);
    const auto factor = draw<T>(width, random);
    const Product<T> p{a.data(),
                       by_columns ? 1 : static_cast<std::ptrdiff_t>(depth),
                       by_columns ? static_cast<std::ptrdiff_t>(rows) : 1,
                       rows,
                       b.data(),
                       ldb,
                       width,
                       depth};
    const std::vector<T> before = draw<T>(rows * ldc + 1, random);
    for (const std::string& isa : heavykeys::available_isas()) {
      heavykeys::set_isa(isa);
      INFO(isa << ": " << rows << " x " << depth << " x " << width);
      for (int into = 0; into < 3; ++into) {
        std::vector<T> expected = before, found = before;
        by_the_letter(p, into == 2 ? factor.data() : nullptr, into == 1, expected.data(), ldc);
        if (into == 0) multiply(p, found.data(), ldc);
        if (into == 1) multiply_add(p, found.data(), ldc);
        if (into == 2) multiply_rescaled(p, factor.data(), found.data(), ldc);
        CHECK(found == expected);
      }
    }
  }
  heavykeys::set_isa(heavykeys::available_isas().back());
}

/// Greatest relative error of the weights of these scores against `f` in long double, for a given shift.
template <class T, class F>
double worst(const Term& term, T shift, const std::vector<T>& x, F f) {
  std::vector<T> w = x, sum(x.size());
  const std::vector<T> shifts(x.size(), shift);
  weigh<T>(term, {w.data(), 1, w.size(), nullptr, nullptr, nullptr}, shifts.data(), sum.data());
  double most = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const long double truth = f(static_cast<long double>(x[i]));
    most = std::max(most, static_cast<double>(std::abs(static_cast<long double>(w[i]) - truth) / truth));
  }
  return most;
}

template <class T>
void check_functions(double ulp) {
  support::Random random(3);
  std::vector<T> x(16 * 4096);
  const double range = sizeof(T) == 4 ? 87 : 708;
  Term term;
  for (T& v : x) v = static_cast<T>(-range * random.uniform() * (random.coin() ? 1.0 : 0.01));
  CHECK(worst<T>(term, 0, x, [](long double v) { return std::exp(v); }) <= 1.5 * ulp);
  // u^p by e^(p ln u): ln u and p ln u are below 16 and 32, and each is rounded to half a unit of that.
  term.kind = Term::Kind::real_power;
  term.exponent = 1.5;
  for (T& v : x) v = static_cast<T>(random.sign() * std::exp2(-20 * random.uniform()));
  CHECK(worst<T>(term, 1, x, [](long double v) { return std::pow(std::abs(v), 1.5L); }) <= 34 * ulp);
  for (T& v : x) v = static_cast<T>(1 - 0.1 * random.uniform());
  CHECK(worst<T>(term, 1, x, [](long double v) { return std::pow(std::abs(v), 1.5L); }) <= 2 * ulp);
  term.kind = Term::Kind::expressive;
  for (T& v : x) v = static_cast<T>(random.cauchy());
  CHECK(worst<T>(term, 1, x, [](long double v) { return v * v / (1 + v * v); }) <= 4 * ulp);
}

}  // namespace

TEST_CASE("products are the fused sums the header says, on every instruction set") {
  support::Random random(1);
  check_products<float>(random);
  check_products<double>(random);
}

TEST_CASE("weights are good to a few units in the last place") {
  check_functions<float>(0x1p-24);
  check_functions<double>(0x1p-53);
}

TEST_CASE("e^x of what is far below is zero, of zero one; weights at the shift are one") {
  for (const std::string& isa : heavykeys::available_isas()) {
    heavykeys::set_isa(isa);
    std::vector<float> x(16, -88.0f), sum(16), shift(16, 0.0f);
    x[1] = 0.0f, x[2] = -1e30f, x[3] = -87.0f;
    weigh<float>(Term{}, {x.data(), 1, 16, nullptr, nullptr, nullptr}, shift.data(), sum.data());
    CHECK(x[0] == 0.0f);
    CHECK(x[1] == 1.0f);
    CHECK(x[2] == 0.0f);
    CHECK(x[3] == Approx(std::exp(-87.0)).epsilon(1e-6));
    for (const auto kind : {Term::Kind::power, Term::Kind::real_power}) {
      Term term;
      term.kind = kind;
      term.power = 3, term.exponent = 3;
      std::vector<float> at(16, -1.0f);
      const std::vector<float> one(16, 1.0f);
      weigh<float>(term, {at.data(), 1, 16, nullptr, nullptr, nullptr}, one.data(), sum.data());
      CHECK(at == one);
    }
  }
  heavykeys::set_isa(heavykeys::available_isas().back());
}

TEST_CASE("a shift that does not rise leaves the old unit as it is, exactly") {
  support::Random random(5);
  for (const auto kind : {Term::Kind::softmax, Term::Kind::power, Term::Kind::real_power,
                          Term::Kind::expressive, Term::Kind::polynomial}) {
    Term term;
    term.kind = kind;
    term.power = 4, term.exponent = 0.7;
    std::vector<double> x(16, 0.0), shift = draw<double>(16, random), factor(16);
    for (double& v : shift) v = std::abs(v) + 1e-3;
    const std::vector<double> before = shift;
    for (std::size_t i = 0; i < x.size(); ++i)
      x[i] = shift[i] * (kind == Term::Kind::softmax ? 1 : random.sign());
    raise_shift<double>(term, {x.data(), 1, 16, nullptr, nullptr, nullptr}, shift.data(), factor.data());
    CHECK(shift == before);
    CHECK(factor == std::vector<double>(16, 1.0));
  }
}

TEST_CASE("float16 and bfloat16: every value comes back, and between two the nearer is taken, ties to even") {
  const auto check = [](auto from_float, auto to_float, std::uint16_t infinite) {
    for (std::uint32_t bits = 0; bits < infinite; ++bits) {
      const auto low = static_cast<std::uint16_t>(bits);
      const auto high = static_cast<std::uint16_t>(bits + 1);
      const float a = to_float(low);
      // What lies past the greatest finite value rounds as if there were one more.
      const double b = high == infinite
                           ? 2.0 * a - static_cast<double>(to_float(static_cast<std::uint16_t>(low - 1)))
                           : static_cast<double>(to_float(high));
      const auto middle = static_cast<float>((static_cast<double>(a) + b) / 2);
      const std::uint16_t even = low % 2 == 0 ? low : high;
      REQUIRE(from_float(a) == low);
      REQUIRE(from_float(-a) == (low | 0x8000));
      REQUIRE(from_float(middle) == even);
      REQUIRE(from_float(std::nextafter(middle, 0.0f)) == low);
      REQUIRE(from_float(std::nextafter(middle, INFINITY)) == high);
    }
    CHECK(from_float(INFINITY) == infinite);
    CHECK(from_float(-INFINITY) == (infinite | 0x8000));
    CHECK(std::isnan(to_float(from_float(NAN))));
    CHECK(from_float(std::numeric_limits<float>::max()) == infinite);
  };
  check(half_from_float, half_to_float, 0x7c00);
  check(bfloat16_from_float, bfloat16_to_float, 0x7f80);
}

TEST_CASE("moments: the sum over rows and its gradient, as row by row") {
  support::Random random(9);
  for (const auto& c :
       std::vector<std::vector<double>>{{0, 1}, {0, 0, 1}, {0.5, 1, 0, 2}, {0, 0, 0, 0, 1}, {3, 0, 1}}) {
    const std::size_t d = 1 + random.below(5), n = 7, m = 4;
    const auto y = draw<double>(n * d, random), w = draw<double>(n, random), x = draw<double>(m * d, random);
    MomentForm form(d, c);
    form.add(y.data(), w.data(), 3);
    form.add(&y[3 * d], &w[3], n - 3);
    std::vector<double> values(m), gradients(m * d);
    form.evaluate(x.data(), m, values.data(), gradients.data());
    for (std::size_t r = 0; r < m; ++r) {
      double sum = 0;
      std::vector<double> by(d);
      for (std::size_t l = 0; l < n; ++l) {
        double dot = 0;
        for (std::size_t i = 0; i < d; ++i) dot += x[r * d + i] * y[l * d + i];
        sum += w[l] * form.term(dot);
        for (std::size_t i = 0; i < d; ++i) by[i] += w[l] * form.slope(dot) * y[l * d + i];
      }
      CHECK(values[r] == Approx(sum).epsilon(1e-10).margin(1e-10));
      for (std::size_t i = 0; i < d; ++i)
        CHECK(gradients[r * d + i] == Approx(by[i]).epsilon(1e-10).margin(1e-10));
      double f = 0, power = 1;  // form.term is the polynomial
      for (const double coefficient : c) f += coefficient * power, power *= 2.25;
      CHECK(form.term(1.5) == Approx(f));
      CHECK((form.term(1.5 + 1e-6) - form.term(1.5 - 1e-6)) / 2e-6 == Approx(form.slope(1.5)).epsilon(1e-6));
    }
  }
}
