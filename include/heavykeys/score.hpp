// The score f of attention weights A_j(q) = f(q.k_j) / sum_l f(q.k_l).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace heavykeys {
#pragma GCC visibility push(default)

/// A value that names f. All but softmax are even in x; every f is nondecreasing in |x| (softmax: in x).
///
/// What can be found of keys scored by f (docs/theory.md):
///   power 2                exact and minimal universal set, exact weights             (T1)
///   power 4, 6, 8          universal set, exact weights, while the lift has at most
///                          2,100 coordinates: dim <= 64, 22, 13; above as other powers (T3)
///   polynomial             universal set, exact weights; refused beyond that lift      (T3)
///   power, other p         universal set; weights in certified intervals               (T4, T5, T7, T8)
///   expressive, custom     universal set; weights in certified intervals               (T5, T8)
///   softmax                `scan` and attention only: no universal set can be small    (T9)
struct Score {
  /// Which family f is of; stored in state files.
  enum class Kind : std::uint32_t { power = 1, expressive = 2, polynomial = 3, custom = 4, softmax = 5 };

  Kind kind = Kind::power;                 ///< the family
  double parameter = 2.0;                  ///< power: p. custom: its growth 2s. softmax: its scale. Else 0.
  std::vector<double> coefficients;        ///< polynomial: c_0 .. c_s of f = sum_i c_i x^(2i). custom: {f(0)}
  std::string label;                       ///< custom: its name, which stands for `function` in comparisons
  std::function<double(double)> function;  ///< custom: f itself; empty when read from a file

  /// f = |x|^p. Throws InvalidInput unless 0 < p <= 64.
  static Score power(double p);

  /// f = x^2 / (1 + x^2): expressive attention (arXiv 2407.18601).
  static Score expressive();

  /// f = sum_i c_i x^(2i), c_i >= 0, degree at most 8, not constant. Throws InvalidInput otherwise.
  static Score polynomial(std::vector<double> coefficients);

  /// Any f that is even, nondecreasing in |x|, with f(x) / x^growth nonincreasing (growth 2, 4, 6 or 8):
  /// Huber, Tukey, log(1 + x^2), ... `f` must be pure, and accurate to 1e-13 relative.
  /// The conditions are checked on 1,281 points over 80 binary decades; throws InvalidInput naming the first
  /// point that breaks one. A check on points is not a proof: that the conditions hold is the caller's word.
  static Score custom(std::string name, std::function<double(double)> f, int growth);

  /// f = exp(scale x), scale != 0 finite. For scan and attention.
  static Score softmax(double scale = 1.0);

  /// Inverse of name(), for every kind but custom. Throws InvalidInput, listing what there is.
  static Score from_name(std::string_view name);

  /// "power:2", "expressive", "polynomial:0,1,0.5", "custom:NAME", "softmax:0.125".
  std::string name() const;

  /// f(x), relative error <= 1e-13 unless it underflows (custom: what `function` returns). Throws
  /// InvalidInput for a custom score without its function.
  double operator()(double x) const;

  friend bool operator==(const Score& a, const Score& b) {
    return a.kind == b.kind && a.parameter == b.parameter && a.coefficients == b.coefficients &&
           a.label == b.label;
  }
};

#pragma GCC visibility pop

}  // namespace heavykeys
