#include "lib/scan_score.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/double_double.hpp"
#include "lib/portable_math.hpp"
#include "lib/scan_sum.hpp"
#include "lib/text.hpp"

namespace heavykeys::detail {

namespace {

constexpr double kUp = 1.0 + 0x1p-8;
constexpr int kCustomRange = 900;        // binary exponents of its arguments
constexpr int kSoftmaxExponent = 60;     // of a logit; doubles of twice the precision still tell them apart
constexpr double kGreatestLogit = 64.0;  // the greatest exponent of a block, either way
constexpr Shift kLogTwo = {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};
constexpr double kGreatestError = 0x1p1000;
constexpr int kSmall = -400;  // expressive: below 2 to this, f is x^2 to all its bits and more

bool is_multiple_of_half(double p) { return 2 * p == std::floor(2 * p); }

/// |x|^p = (2^e)^p |x 2^-e|^p, and (2^e)^p = factor 2^unit.
Reference power_reference(double p, int e) {
  if (is_multiple_of_half(p)) {
    if (p != std::floor(p)) e -= e & 1;  // then p e is whole, and the largest x at most 4
    return {e, static_cast<std::int64_t>(p * e)};
  }
  const DoubleDouble log = two_product(p, e);
  const double unit = std::floor(log.hi);
  // (log.hi - unit) + log.lo has few enough bits; 1 or 2 instead of a number just beside is of no harm.
  const double factor = portable_exp(((log.hi - unit) + log.lo) * kLogTwo.hi);
  return {e, static_cast<std::int64_t>(unit), factor};
}

/// unit ln 2, to 2^-100 of it. Beyond 2^53 a unit takes two doubles.
Shift shift_of(std::int64_t unit) {
  const auto high = static_cast<double>(unit);
  const DoubleDouble whole(high, static_cast<double>(unit - static_cast<std::int64_t>(high)));
  const DoubleDouble product = whole * DoubleDouble(kLogTwo.hi, kLogTwo.lo);
  return {product.hi, product.lo};
}

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
  return score_.kind == Score::Kind::custom ? kCustomRange : 4096;
}

Reference ScanScore::reference(int top) const {
  const int e = top - 1;
  switch (score_.kind) {
    case Score::Kind::power:
      return power_reference(score_.parameter, e);
    case Score::Kind::expressive:
      if (e >= kSmall) return {};
      return {e, 2 * std::int64_t{e}};
    case Score::Kind::polynomial: {
      Reference r{e, std::numeric_limits<std::int64_t>::min()};
      for (std::size_t i = 0; i < score_.coefficients.size(); ++i) {
        const double c = score_.coefficients[i];
        if (c > 0.0) r.unit = std::max<std::int64_t>(r.unit, 2 * static_cast<int>(i) * e + std::ilogb(c));
      }
      return r;
    }
    case Score::Kind::softmax:
      return {scale_exponent_};
    case Score::Kind::custom:
      break;
  }
  return {};
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
        const std::int64_t shift = 2 * static_cast<int>(i) * reference.exponent - reference.unit;
        f.coefficients[i] = scale_far(score_.coefficients[i], shift);
      }
  }
  return f;
}

/// Into the three parts of out.work: the exponents, what they were rounded by, and their radius.
double ScanScore::softmax_logits(std::int64_t unit, const Arguments& a, std::size_t n, bool twice,
                                 Terms& out) const {
  double* t = out.work.data();
  double* rest = t + out.value.size();
  return logits(std::ldexp(score_.parameter, scale_exponent_), shift_of(unit), a.x.data(),
                twice ? a.lo.data() : nullptr, a.e.data(), n, t, rest, rest + out.value.size());
}

static void exp_of_logits(std::size_t n, Terms& out) {
  const double* t = out.work.data();
  const double* rest = t + out.value.size();
  exp_terms(t, rest, rest + out.value.size(), n, out.value.data(), out.error.data());
}

void ScanScore::evaluate_softmax(Reference& reference, const Arguments& a, std::size_t n, bool twice,
                                 Terms& out) const {
  const double scale = std::ldexp(score_.parameter, scale_exponent_);
  const Extremes x = extremes(a.x.data(), n);
  double top = scale * (scale > 0.0 ? x.greatest : x.least);
  reference.unit = 0;
  do {  // again only at logits past 2^50, whose roundings are that large
    reference.unit += static_cast<std::int64_t>(std::floor(top / kLogTwo.hi));
    top = softmax_logits(reference.unit, a, n, twice, out);
  } while (std::fabs(top) > kGreatestLogit);
  exp_of_logits(n, out);
}

void ScanScore::evaluate_softmax_in(std::int64_t unit, const Arguments& arguments, std::size_t n,
                                    Terms& out) const {
  softmax_logits(unit, arguments, n, false, out);
  exp_of_logits(n, out);
}

void ScanScore::evaluate_one_by_one(Reference& reference, const Arguments& a, std::size_t n,
                                    Terms& out) const {
  const bool custom = score_.kind == Score::Kind::custom;
  const double rounding = custom ? 1e-13 : 0x1p-48;
  double greatest = 0.0;
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
      out.error[u] = worst >= 0.0 ? std::min(worst, kGreatestError) : kGreatestError;
    }
    greatest = std::max(greatest, value);
  }
  if (custom && greatest > 0.0) {
    reference.unit = std::ilogb(greatest);
    for (std::size_t u = 0; u < n; ++u) {
      out.value[u] = scale_far(out.value[u], -reference.unit);
      out.error[u] = std::min(scale_far(out.error[u], -reference.unit), kGreatestError);
    }
  } else {
    for (std::size_t u = 0; u < n; ++u) {
      out.value[u] *= reference.factor;
      out.error[u] *= reference.factor;
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
    evaluate_one_by_one(reference, arguments, n, out);
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
