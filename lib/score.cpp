#include "heavykeys/score.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "heavykeys/error.hpp"
#include "lib/text.hpp"

namespace heavykeys {

namespace {

using detail::shortest;

constexpr double kGreatestPower = 64.0;
constexpr std::size_t kGreatestDegree = 4;  // of x^2

/// Grid of the conditions on a custom score: 2^(-40) .. 2^40, sixteen points a binary decade.
constexpr int kPointsPerOctave = 16, kOctaves = 40;

/// What the two sides of a comparison may differ by, for an f that is accurate to 1e-13.
constexpr double kRounding = 1e-12;

[[noreturn]] void refuse(const std::string& name, double x, const std::string& why) {
  throw InvalidInput("score custom:" + name + ": " + why + " at x = " + shortest(x));
}

/// Throws unless f is finite, even, nondecreasing in |x|, and f(x) / x^growth nonincreasing, on the grid.
void check_conditions(const std::string& name, const std::function<double(double)>& f, int growth) {
  const double zero = f(0.0);
  if (!(zero >= 0.0) || !std::isfinite(zero)) refuse(name, 0.0, "f is not a finite number >= 0");
  double before = zero, ratio_before = 0.0;
  for (int i = -kPointsPerOctave * kOctaves; i <= kPointsPerOctave * kOctaves; ++i) {
    const double x = std::exp2(static_cast<double>(i) / kPointsPerOctave);
    const double value = f(x);
    if (!(value >= 0.0) || !std::isfinite(value)) refuse(name, x, "f is not a finite number >= 0");
    if (!(std::fabs(f(-x) - value) <= kRounding * value)) refuse(name, x, "f is not even");
    if (value < before * (1.0 - kRounding)) refuse(name, x, "f decreases");
    const double ratio = value / std::pow(x, growth);
    if (i > -kPointsPerOctave * kOctaves && ratio > ratio_before * (1.0 + kRounding)) {
      refuse(name, x, "f grows faster than x^" + std::to_string(growth));
    }
    before = value;
    ratio_before = ratio;
  }
  if (before == 0.0) refuse(name, std::exp2(kOctaves), "f is still zero");
}

double parse_number(std::string_view text, std::string_view name) {
  double value = 0.0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    throw InvalidInput("score \"" + std::string(name) + "\": \"" + std::string(text) + "\" is not a number");
  }
  return value;
}

}  // namespace

Score Score::power(double p) {
  if (!(p > 0.0 && p <= kGreatestPower)) {
    throw InvalidInput("score power:" + shortest(p) + ": the exponent must be in (0, 64]");
  }
  Score score;
  score.parameter = p;
  return score;
}

Score Score::expressive() {
  Score score;
  score.kind = Kind::expressive;
  score.parameter = 0.0;
  return score;
}

Score Score::polynomial(std::vector<double> c) {
  while (!c.empty() && c.back() == 0.0) c.pop_back();
  for (double v : c) {
    if (!(v >= 0.0) || !std::isfinite(v)) {
      throw InvalidInput("score polynomial: coefficient " + shortest(v) + " is not a finite number >= 0");
    }
  }
  if (c.size() < 2) throw InvalidInput("score polynomial: f is constant, so every key has the weight 1/n");
  if (c.size() > kGreatestDegree + 1) {
    throw InvalidInput("score polynomial: degree " + std::to_string(2 * (c.size() - 1)) +
                       " is above 8, the greatest served");
  }
  Score score;
  score.kind = Kind::polynomial;
  score.parameter = 0.0;
  score.coefficients = std::move(c);
  return score;
}

Score Score::custom(std::string name, std::function<double(double)> f, int growth) {
  if (name.empty() || name.size() > 255)
    throw InvalidInput("score custom: its name must have 1 .. 255 bytes");
  if (!f) throw InvalidInput("score custom:" + name + ": there is no function");
  if (growth < 2 || growth > 8 || growth % 2 != 0) {
    throw InvalidInput("score custom:" + name + ": growth " + std::to_string(growth) +
                       " is not 2, 4, 6 or 8");
  }
  check_conditions(name, f, growth);
  Score score;
  score.kind = Kind::custom;
  score.parameter = growth;
  score.coefficients = {f(0.0)};
  score.label = std::move(name);
  score.function = std::move(f);
  return score;
}

Score Score::softmax(double scale) {
  if (scale == 0.0 || !std::isfinite(scale)) {
    throw InvalidInput("score softmax: the scale is " + shortest(scale) + "; it must be finite and not zero");
  }
  Score score;
  score.kind = Kind::softmax;
  score.parameter = scale;
  return score;
}

Score Score::from_name(std::string_view name) {
  const std::size_t colon = std::min(name.find(':'), name.size());
  const std::string_view kind = name.substr(0, colon);
  const bool has_argument = colon < name.size();
  const std::string_view argument = has_argument ? name.substr(colon + 1) : std::string_view();
  if (kind == "power" && has_argument) return power(parse_number(argument, name));
  if (kind == "expressive" && !has_argument) return expressive();
  if (kind == "softmax") return softmax(has_argument ? parse_number(argument, name) : 1.0);
  if (kind == "polynomial" && has_argument) {
    std::vector<double> c;
    for (std::size_t at = 0; at <= argument.size();) {
      const std::size_t comma = std::min(argument.find(',', at), argument.size());
      c.push_back(parse_number(argument.substr(at, comma - at), name));
      at = comma + 1;
    }
    return polynomial(std::move(c));
  }
  throw InvalidInput(
      "score \"" + std::string(name) +
      "\" is not known; available: power:P, expressive, polynomial:C0,C1,..., softmax[:SCALE]");
}

std::string Score::name() const {
  switch (kind) {
    case Kind::power:
      return "power:" + shortest(parameter);
    case Kind::expressive:
      return "expressive";
    case Kind::softmax:
      return "softmax:" + shortest(parameter);
    case Kind::custom:
      return "custom:" + label;
    case Kind::polynomial: {
      std::string text = "polynomial:";
      for (std::size_t i = 0; i < coefficients.size(); ++i) {
        if (i > 0) text += ',';
        text += shortest(coefficients[i]);
      }
      return text;
    }
  }
  return "unknown";
}

double Score::operator()(double x) const {
  switch (kind) {
    case Kind::power:
      return parameter == 2.0 ? x * x : std::pow(std::fabs(x), parameter);
    case Kind::expressive:  // x^2 alone could overflow
      return std::fabs(x) <= 1.0 ? x * x / (1.0 + x * x) : 1.0 / (1.0 + 1.0 / x / x);
    case Kind::softmax:
      return std::exp(parameter * x);
    case Kind::polynomial: {
      double sum = 0.0;
      for (std::size_t i = coefficients.size(); i-- > 0;) sum = sum * (x * x) + coefficients[i];
      return sum;
    }
    case Kind::custom:
      break;
  }
  if (!function) {
    throw InvalidInput("score " + name() +
                       " was read without its function, which can be given in C++ and Python (from_bytes)");
  }
  return function(x);
}

}  // namespace heavykeys
