#include "lib/empirical_bernstein.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/double_double.hpp"
#include "lib/portable_math.hpp"
#include "lib/text.hpp"

namespace heavykeys::detail {

namespace {

/// Everything below is in units of B. Roundings are some 1e-13 of each bound; this is wider.
constexpr double kSlack = 1e-11;

struct Sample {
  double m = 0.0, n = 0.0;  // drawn, population
  double mean = 0.0;        // of the drawn
  double deviation = 0.0;   // standard, of the drawn, divisor m
};

void check(std::span<const double> values, std::uint64_t population, double greatest, double delta) {
  if (values.size() > population) {
    throw InvalidInput(std::to_string(values.size()) + " values are sampled from " +
                       std::to_string(population));
  }
  if (!(delta > 0.0 && delta < 1.0))
    throw InvalidInput("delta is " + shortest(delta) + "; it must lie in (0, 1)");
  if (!(greatest >= 0.0) || std::isinf(greatest))
    throw InvalidInput("the greatest value is " + shortest(greatest) +
                       "; it must be finite and not negative");
  for (double v : values) {
    if (!(v >= 0.0 && v <= greatest))
      throw InvalidInput("a sampled value is " + shortest(v) + ", outside [0, " + shortest(greatest) + "]");
  }
}

Sample summarise(std::span<const double> values, std::uint64_t population, double greatest) {
  Sample s;
  s.m = static_cast<double>(values.size());
  s.n = static_cast<double>(population);
  DoubleDouble sum;
  for (double v : values) sum = sum + DoubleDouble(v / greatest);
  s.mean = static_cast<double>(sum) / s.m;
  double squares = 0.0;
  for (double v : values) squares += (v / greatest - s.mean) * (v / greatest - s.mean);
  s.deviation = std::sqrt(squares / s.m);
  return s;
}

/// Relative entropy of two coins. 0 log 0 = 0.
double relative_entropy(double q, double p) {
  double sum = 0.0;
  if (q > 0.0) sum += q * portable_log(q / p);
  if (q < 1.0) sum += (1.0 - q) * portable_log((1.0 - q) / (1.0 - p));
  return sum;
}

/// True when this mean of the population is compatible with the sample: P[the sample's mean is as far off as
/// it is] is not proven below e^-level. Hoeffding's bound e^(-m KL) holds without replacement (1963, Theorems
/// 1 and 4), and equally for those that were not drawn, which is the sharper one when they are fewer.
bool compatible(const Sample& s, double mu, double level) {
  double drawn = s.m, q = s.mean;
  if (2.0 * s.m > s.n) {
    drawn = s.n - s.m;
    q = mu + s.m / drawn * (mu - s.mean);
    if (q <= 0.0 || q >= 1.0) return false;  // beyond what is certain anyway
  }
  if (mu <= 0.0) return q <= 0.0;
  if (mu >= 1.0) return q >= 1.0;
  return drawn * relative_entropy(q, mu) <= level;
}

/// The farthest compatible mean between s.mean and `end`, rounded outwards: compatibility ends once.
double farthest(const Sample& s, double end, double level) {
  if (compatible(s, end, level)) return end;
  double inside = s.mean, outside = end;
  for (int step = 0; step < 60; ++step) {
    const double middle = 0.5 * (inside + outside);
    (compatible(s, middle, level) ? inside : outside) = middle;
  }
  return outside;
}

/// Half the width of the empirical Bernstein-Serfling interval, each side missing with probability miss.
double bernstein_serfling(const Sample& s, double miss) {
  const double kappa = 7.0 / 3.0 + 3.0 / std::sqrt(2.0);
  const double rho = 2.0 * s.m <= s.n ? 1.0 - (s.m - 1.0) / s.n : (1.0 - s.m / s.n) * (1.0 + 1.0 / s.m);
  const double log_term = portable_log(5.0 / miss);
  return s.deviation * std::sqrt(2.0 * rho * log_term / s.m) + kappa * log_term / s.m;
}

}  // namespace

MeanInterval mean_interval(std::span<const double> values, std::uint64_t population, double greatest,
                           double delta) {
  check(values, population, greatest, delta);
  if (values.empty() || greatest == 0.0) return {0.0, greatest};
  const Sample s = summarise(values, population, greatest);
  if (values.size() == population) return {s.mean * greatest, s.mean * greatest};

  double lower = s.m / s.n * s.mean * (1.0 - kSlack);
  double upper = std::min(1.0, (s.m / s.n * s.mean + (s.n - s.m) / s.n) * (1.0 + kSlack));
  const double level = portable_log(4.0 / delta) + kSlack * s.m;
  const double half = bernstein_serfling(s, delta / 4.0) * (1.0 + kSlack);
  lower = std::max({lower, farthest(s, 0.0, level) * (1.0 - kSlack), s.mean * (1.0 - kSlack) - half});
  upper = std::min({upper, farthest(s, 1.0, level) * (1.0 + kSlack), s.mean * (1.0 + kSlack) + half});
  return {lower * greatest, upper * greatest};
}

}  // namespace heavykeys::detail
