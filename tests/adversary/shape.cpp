#include "tests/adversary/shape.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace adversary {
namespace {

template <auto f>
void apply(const double* x, double scale, std::size_t n, double* out) {
  for (std::size_t j = 0; j < n; ++j) out[j] = f(std::fabs(scale * x[j]));
}

template <auto g>
void slope(const double* x, std::size_t n, double* out) {
  for (std::size_t j = 0; j < n; ++j) out[j] = g(std::fabs(x[j]));
}

// f and df/d(x^2) for x >= 0.
double f2(double x) { return x * x; }
double g2(double) { return 1; }
double f4(double x) { return x * x * x * x; }
double g4(double x) { return 2 * x * x; }
double f6(double x) { return x * x * x * x * x * x; }
double g6(double x) { return 3 * x * x * x * x; }
double f3(double x) { return x * x * x; }
double g3(double x) { return 1.5 * x; }
double f1(double x) { return x; }
double g1(double x) { return 0.5 / x; }
double f15(double x) { return x * std::sqrt(x); }
double g15(double x) { return 0.75 / std::sqrt(x); }
double f05(double x) { return std::sqrt(x); }
double g05(double x) { return 0.25 / (x * std::sqrt(x)); }
double f_expressive(double x) { return x * x / (1 + x * x); }
double g_expressive(double x) { return 1 / ((1 + x * x) * (1 + x * x)); }
double f_mixed(double x) { return x * x * (1 + 0.5 * x * x); }
double g_mixed(double x) { return 1 + x * x; }
double f_shifted(double x) { return 0.25 + x * x; }
double f_huber(double x) { return x <= 1 ? x * x : 2 * x - 1; }
double g_huber(double x) { return x <= 1 ? 1 : 1 / x; }
double f_log(double x) { return std::log1p(x * x); }
double g_log(double x) { return 1 / (1 + x * x); }
double f_quartic(double x) { return x * x * (x * x / (1 + x * x)); }
double g_quartic(double x) { return x * x * (2 + x * x) / ((1 + x * x) * (1 + x * x)); }
double f_square_log(double x) { return x * x * std::log1p(x * x); }
double g_square_log(double x) { return std::log1p(x * x) + x * x / (1 + x * x); }
double f_hypotenuse(double x) { return std::sqrt(1 + x * x); }
double g_hypotenuse(double x) { return 0.5 / std::sqrt(1 + x * x); }

template <auto f, auto g>
Shape shape(const char* name, bool homogeneous = false) {
  const auto& all = scores::all();
  const auto at = std::find_if(all.begin(), all.end(), [&](const auto& c) { return c.name() == name; });
  if (at == all.end()) throw std::logic_error(std::string("no score ") + name);
  return {*at, homogeneous, apply<f>, slope<g>};
}

}  // namespace

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all = {
      shape<f2, g2>("power:2", true),
      shape<f4, g4>("power:4", true),
      shape<f6, g6>("power:6", true),
      shape<f3, g3>("power:3", true),
      shape<f1, g1>("power:1", true),
      shape<f15, g15>("power:1.5", true),
      shape<f05, g05>("power:0.5", true),
      shape<f_expressive, g_expressive>("expressive"),
      shape<f_mixed, g_mixed>("polynomial:0,1,0.5"),
      shape<f_shifted, g2>("polynomial:0.25,1"),
      shape<f_huber, g_huber>("custom:huber"),
      shape<f_log, g_log>("custom:log1p"),
      shape<f_quartic, g_quartic>("custom:quartic-to-square"),
      shape<f_square_log, g_square_log>("custom:square-times-log"),
      shape<f_hypotenuse, g_hypotenuse>("custom:hypotenuse"),
  };
  return all;
}

}  // namespace adversary
