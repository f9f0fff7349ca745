#include "lib/scan_score.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/text.hpp"

namespace heavykeys::detail {

namespace {

constexpr double kUp = 1.0 + 0x1p-8;
constexpr int kRange = 900;              // binary exponents that a term may have
constexpr int kSoftmaxExponent = 60;     // of a logit; doubles of twice the precision still tell them apart
constexpr double kGreatestLogit = 64.0;  // above `shift`
constexpr int kSmall = -400;             // expressive: below 2 to this, f is x^2 to all its bits and more

bool is_multiple_of_half(double p) { return 2 * p == std::floor(2 * p); }

}  // namespace

ScanScore::ScanScore(const Score& score) : score_(score) {
  switch (score.kind) {
    case Score::Kind::power:
      growth_ = std::max(1.0, Score::power(score.parameter).parameter);
      break;
    case Score::Kind::expressive:
      break;
    case Score::Kind::polynomial:
      growth_ = 2.0 * static_cast<double>(Score::polynomial(score.coefficients).coefficients.size() - 1);
      break;
    case Score::Kind::custom:
      if (!(score.parameter >= 2.0 && score.parameter <= 8.0)) {
        throw InvalidInput("score custom:" + score.label + " was not made by Score::custom");
      }
      growth_ = score.parameter;
      score(0.0);  // throws without a function
      break;
    case Score::Kind::softmax:
      scale_exponent_ = -std::ilogb(Score::softmax(score.parameter).parameter);
      break;
    default:
      throw InvalidInput("score kind " + std::to_string(static_cast<unsigned>(score.kind)) + " is unknown");
  }
}

int ScanScore::greatest_exponent() const {
  if (is_softmax()) return kSoftmaxExponent - 1 + scale_exponent_;
  return score_.kind == Score::Kind::custom ? kRange : 4096;
}

Reference ScanScore::reference(int top) const {
  switch (score_.kind) {
    case Score::Kind::power:
      return {true, top - 1, score_.parameter * (top - 1)};
    case Score::Kind::expressive:
      if (top - 1 >= kSmall) return {true};
      return {true, top - 1, 2.0 * (top - 1)};
    case Score::Kind::polynomial: {
      Reference r{true, top - 1, -1e9};
      for (std::size_t i = 0; i < score_.coefficients.size(); ++i) {
        const double c = score_.coefficients[i];
        if (c > 0.0) r.unit = std::max(r.unit, 2.0 * static_cast<double>(i) * (top - 1) + std::ilogb(c));
      }
      return r;
    }
    case Score::Kind::softmax:
      return {false, scale_exponent_};
    case Score::Kind::custom:
      break;
  }
  return {true};
}

bool ScanScore::holds(const Reference& r, int top) const {
  switch (score_.kind) {
    case Score::Kind::power:
    case Score::Kind::polynomial:
      return top - r.exponent <= std::min<double>(kRange, kRange / growth_);
    case Score::Kind::expressive:
      return r.exponent == 0 || top - r.exponent <= 300;  // then x^2 < 2^-200, still nothing beside 1
    default:
      return true;
  }
}

double ScanScore::rescale(const Reference& from, const Reference& to) const {
  if (is_softmax()) return std::exp(from.shift - to.shift);
  return std::exp2(from.unit - to.unit);
}

EvenTerm ScanScore::even_term(const Reference& reference) const {
  EvenTerm f;
  f.growth = growth_;
  f.rounding = (growth_ + 8.0) * 0x1p-52;
  switch (score_.kind) {
    case Score::Kind::power:
      f.halves = static_cast<int>(2 * score_.parameter);
      break;
    case Score::Kind::expressive:
      if (reference.exponent == 0) f.kind = EvenTerm::Kind::expressive;
      break;
    default:
      f.kind = EvenTerm::Kind::polynomial;
      for (std::size_t i = 0; i < score_.coefficients.size(); ++i) {
        const double shift = 2.0 * static_cast<double>(i) * reference.exponent - reference.unit;
        f.coefficients[i] = std::ldexp(score_.coefficients[i], static_cast<int>(std::max(shift, -1e6)));
      }
  }
  return f;
}

void ScanScore::evaluate_softmax(Reference& reference, const Arguments& a, std::size_t n, bool twice,
                                 Terms& out) const {
  const double scale = std::ldexp(score_.parameter, scale_exponent_);
  double* t = out.work.data();
  double* rest = t + out.value.size();
  double* radius = rest + out.value.size();
  const double* lo = twice ? a.lo.data() : nullptr;
  const auto greatest = [&] {
    return logits(scale, reference.shift, a.x.data(), lo, a.e.data(), n, t, rest, radius);
  };
  if (!reference.set) {
    reference.shift = 0.0;
    reference.shift = greatest();
    reference.set = true;
  }
  const double top = greatest();
  // Seldom, and only when what was summed before shrinks to nothing: its rescaling then need not be exact.
  if (top > kGreatestLogit) {
    reference.shift += top;
    greatest();
  }
  exp_terms(t, rest, radius, n, out.value.data(), out.error.data());
}

void ScanScore::evaluate_one_by_one(const Arguments& a, std::size_t n, Terms& out) const {
  const double rounding = score_.kind == Score::Kind::custom ? 1e-13 : 0x1p-50;
  for (std::size_t u = 0; u < n; ++u) {
    const double at = std::fabs(a.x[u]), value = score_(at);
    if (!(value >= 0.0 && std::isfinite(value))) {
      throw InvalidInput("score " + score_.name() + ": f(" + shortest(at) + ") is " + shortest(value) +
                         ", not a finite number >= 0");
    }
    const double change = growth_ * a.e[u];
    out.value[u] = value;
    if (change <= 0x1p-10 * at) {
      out.error[u] = at == 0.0 ? value * rounding : value * (change / at * kUp + rounding);
    } else {
      const double worst = score_(at + a.e[u]) * kUp;
      out.error[u] = worst >= 0.0 ? worst : std::numeric_limits<double>::infinity();
    }
  }
}

void ScanScore::evaluate(Reference& reference, const Arguments& arguments, std::size_t n, bool twice,
                         Terms& out) const {
  const std::size_t whole = whole_groups(n);
  const bool halves = score_.kind == Score::Kind::power && is_multiple_of_half(score_.parameter);
  if (is_softmax()) {
    evaluate_softmax(reference, arguments, whole, twice, out);
  } else if (score_.kind == Score::Kind::custom || (score_.kind == Score::Kind::power && !halves)) {
    evaluate_one_by_one(arguments, n, out);
  } else {
    even_terms(even_term(reference), arguments.x.data(), arguments.e.data(), whole, out.value.data(),
               out.error.data());
  }
  std::fill(out.value.begin() + static_cast<std::ptrdiff_t>(n),
            out.value.begin() + static_cast<std::ptrdiff_t>(whole), 0.0);
  std::fill(out.error.begin() + static_cast<std::ptrdiff_t>(n),
            out.error.begin() + static_cast<std::ptrdiff_t>(whole), 0.0);
}

}  // namespace heavykeys::detail
