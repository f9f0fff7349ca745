// The loops of the scan, compiled once for each instruction set as those of kernels.hpp: no product is fused
// where that would change a bit. Arrays hold whole groups of kLaneGroup doubles.
#pragma once

#include <cstddef>

namespace heavykeys::detail {

inline constexpr std::size_t kLaneGroup = 8;
inline std::size_t whole_groups(std::size_t n) { return (n + kLaneGroup - 1) / kLaneGroup * kLaneGroup; }

/// hi[u] + lo[u] = sum_i query[i] * keys[i * ld + u] as in twice the precision, |lo| <= ulp(hi) / 2:
/// |error| <= gamma_dim^2 size[u] with size[u] = sum_i |query[i] keys[i * ld + u]|, unless products underflow
/// (Ogita, Rump, Oishi, "Accurate sum and dot product", Dot2).
void dot_products_twice(const double* query, std::size_t dim, const double* keys, std::size_t ld, double* hi,
                        double* lo, double* size);

/// An even f in units that keep it in range.
struct EvenTerm {
  enum class Kind { power, polynomial, expressive };
  Kind kind = Kind::power;
  int halves = 4;                            ///< power: 2p
  double coefficients[5] = {0, 0, 0, 0, 0};  ///< polynomial in x^2
  double growth = 2.0;                       ///< f(x) / |x|^growth is nonincreasing; at least 1
  double rounding = 0.0;                     ///< relative error of f as computed
};

/// term[u] = f(x[u]), |term[u] - f(x)| <= error[u] for every |x - x[u]| <= e[u].
void even_terms(const EvenTerm& f, const double* x, const double* e, std::size_t n, double* term,
                double* error);

/// The exponents of softmax relative to a shift of two parts, |shift.lo| <= ulp(shift.hi): t[u] + rest[u] =
/// scale (x[u] + lo[u]) - shift, within radius[u] of the true one for every x within e[u]. lo may be null: a
/// rounding at each step then. Returns max t.
struct Shift {
  double hi = 0.0, lo = 0.0;
};
double logits(double scale, Shift shift, const double* x, const double* lo, const double* e, std::size_t n,
              double* t, double* rest, double* radius);

/// term[u] = exp(t[u] + rest[u]), t <= 700, |rest| <= ulp(t); |term[u] - exp(y)| <= error[u] for every y
/// within radius[u].
void exp_terms(const double* t, const double* rest, const double* radius, std::size_t n, double* term,
               double* error);

/// sum_u term[u] and sum_u error[u] in a fixed order: relative error <= (n / 8 + 8) 2^-53 when all are >= 0.
struct TermSums {
  double term = 0.0, error = 0.0;
};
TermSums sum_terms(const double* term, const double* error, std::size_t n);

/// True when error[u] <= tolerance * term[u] wherever term[u] + error[u] >= needed.
bool all_known(const double* term, const double* error, std::size_t n, double needed, double tolerance);

/// x[u] = products[u] * factor, e[u] = norms[u] * unit.
void scale_products(const double* products, const double* norms, std::size_t n, double factor, double unit,
                    double* x, double* e);

/// The least and the greatest of x[0 .. n - 1], n >= 1.
struct Extremes {
  double least = 0.0, greatest = 0.0;
};
Extremes extremes(const double* x, std::size_t n);

}  // namespace heavykeys::detail
