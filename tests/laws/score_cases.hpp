// The scores that are tested, each with its f in long double and the law of its universal set, stated anew
// from docs/theory.md: nothing here asks lib/rule.cpp.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "heavykeys/score.hpp"

namespace scores {

using Real = long double;

enum class Law {
  closed,  ///< f is a polynomial of x^2: {tau >= epsilon} of the lifted rows, exact weights (T1, T3)
  power,   ///< |x|^p, p < 2s: {tau >= epsilon^(2s/p)} (T4), or the onion
  onion,   ///< T layers (T5)
  lewis    ///< p > 2 beyond the lift: any superset of the heavy keys (T7)
};

struct Case {
  heavykeys::Score score;
  Real (*f)(Real);
  Law law = Law::closed;
  std::vector<int> degrees = {1};         ///< of the monomials whose leverage is measured
  std::vector<double> coefficients = {};  ///< closed: f = sum_i c_i x^(2i)

  std::string name() const { return score.name(); }
  bool is_custom() const { return score.kind == heavykeys::Score::Kind::custom; }
};

/// The leverage that a heavy key reaches by one test: T1, T3, T4.
inline Real least_leverage(const Case& c, double epsilon) {
  return c.law == Law::power ? std::pow(Real{epsilon}, 2 * c.degrees.back() / Real{c.score.parameter})
                             : Real{epsilon};
}

/// And in layer t = 1, 2, ... of the onion, T5.
inline Real layer_leverage(double epsilon, int t) { return epsilon / (1 - (t - 1) * Real{epsilon}); }

/// Whether the onion may have so many layers: floor(1/epsilon), or one more where 1/epsilon rounds up to it.
inline bool lawful_layers(double epsilon, int layers) {
  const Real least = std::floor(1 / Real{epsilon});
  return layers == least || (layers == least + 1 && layers <= 1 / Real{epsilon} * (1 + 0x1p-50L));
}

inline Real square(Real x) { return x * x; }

// Written for the range of double; tests keep |x| within 1e-70 .. 1e70 for these.
inline double huber(double x) { return std::fabs(x) <= 1 ? x * x : 2 * std::fabs(x) - 1; }
inline double log_of_square(double x) { return std::log1p(x * x); }
inline double quartic_to_square(double x) { return x * x * (x * x / (1 + x * x)); }
inline double square_times_log(double x) { return x * x * std::log1p(x * x); }
inline double hypotenuse(double x) { return std::sqrt(1 + x * x); }

/// Every score that the sketch serves at small dims.
inline const std::vector<Case>& all() {
  using heavykeys::Score;
  static const std::vector<Case> cases = {
      {Score::power(2), square, Law::closed, {1}, {0, 1}},
      {Score::power(4), [](Real x) { return square(square(x)); }, Law::closed, {2}, {0, 0, 1}},
      {Score::power(6), [](Real x) { return square(x) * square(square(x)); }, Law::closed, {3}, {0, 0, 0, 1}},
      {Score::power(3), [](Real x) { return square(x) * std::fabs(x); }, Law::power, {2}},
      {Score::power(1), [](Real x) { return std::fabs(x); }, Law::power},
      {Score::power(1.5), [](Real x) { return std::fabs(x) * std::sqrt(std::fabs(x)); }, Law::power},
      {Score::power(0.5), [](Real x) { return std::sqrt(std::fabs(x)); }, Law::onion},
      {Score::expressive(), [](Real x) { return square(x) / (1 + square(x)); }, Law::onion},
      {Score::polynomial({0, 1, 0.5}),
       [](Real x) { return square(x) + square(square(x)) / 2; },
       Law::closed,
       {1, 2},
       {0, 1, 0.5}},
      {Score::polynomial({0.25, 1}),
       [](Real x) { return 0.25L + square(x); },
       Law::closed,
       {0, 1},
       {0.25, 1}},
      {Score::custom("huber", huber, 2),
       [](Real x) { return std::fabs(x) <= 1 ? square(x) : 2 * std::fabs(x) - 1; }, Law::onion},
      {Score::custom("log1p", log_of_square, 2), [](Real x) { return std::log1p(square(x)); }, Law::onion},
      {Score::custom("quartic-to-square", quartic_to_square, 4),
       [](Real x) { return square(square(x)) / (1 + square(x)); },
       Law::onion,
       {2}},
      {Score::custom("square-times-log", square_times_log, 4),
       [](Real x) { return square(x) * std::log1p(square(x)); },
       Law::onion,
       {2}},
      {Score::custom("hypotenuse", hypotenuse, 2),
       [](Real x) { return std::sqrt(1 + square(x)); },
       Law::onion,
       {0, 1}},
  };
  return cases;
}

/// p > 2 at a dim where the lift is too large.
inline const std::vector<Case>& unlifted() {
  using heavykeys::Score;
  static const std::vector<Case> cases = {
      {Score::power(3), [](Real x) { return square(x) * std::fabs(x); }, Law::lewis},
      {Score::power(4), [](Real x) { return square(square(x)); }, Law::lewis},
      {Score::power(6), [](Real x) { return square(x) * square(square(x)); }, Law::lewis},
  };
  return cases;
}

}  // namespace scores
