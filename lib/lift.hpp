// Monomials of a key: what turns |q.k|^(2s) into the square of a dot product (docs/theory.md, T3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/double_double.hpp"
#include "lib/int128.hpp"
#include "lib/rule.hpp"

namespace heavykeys::detail {

/// Maps k in R^d to all monomials of the degrees given, lower degrees first, each degree in lexicographic
/// order. No multinomial weights: leverage does not see the scale of a column; normalisers put them in.
class Lift {
 public:
  Lift(std::size_t dim, std::vector<int> degrees);

  std::size_t dim() const { return dim_; }
  std::size_t size() const { return degree_.size(); }  ///< D
  bool is_trivial() const { return degrees_.size() == 1 && degrees_[0] == 1; }
  int top_degree() const { return degrees_.back(); }
  const std::vector<int>& degrees() const { return degrees_; }
  int degree(std::size_t column) const { return degree_[column]; }

  /// s! / alpha!, the weight of monomial alpha in (q.k)^s = sum_alpha weight q^alpha k^alpha.
  double multiplicity(std::size_t column) const { return multiplicity_[column]; }

  /// The column of x_variable^top_degree (top_degree > 0).
  std::size_t top_power(std::size_t variable) const;

  /// out[c] = product of the factors of monomial c. x is [dim], out [size()].
  /// T: double and DoubleDouble (rounded once for each factor after the first), Int128 (exact).
  template <class T>
  void products(const T* x, T* out) const;
  /// out[c] = sum over the factors of monomial c: the exponents of products.
  void sums(const int* x, int* out) const;
  /// out[i] = sum_c adjoint[c] d(monomial c)/d(x_i): the gradient in x of sum_c adjoint[c] products(x)[c].
  void pull_back(const double* x, const double* adjoint, double* out) const;
  /// As products, with the caller's multiplication.
  template <class T, class Multiply>
  void fold(const T* x, T one, T* out, Multiply multiply) const;

 private:
  struct Step {  // a monomial of one degree is a monomial of the degree below times a variable
    std::uint32_t parent;
    std::uint32_t variable;
  };

  std::size_t dim_;
  std::vector<int> degrees_;
  std::vector<std::vector<Step>> levels_;  // [degree]; degree 0 has one monomial, 1
  std::vector<int> degree_;                // [D]
  std::vector<double> multiplicity_;       // [D]
};

template <class T, class Multiply>
void Lift::fold(const T* x, T one, T* out, Multiply multiply) const {
  std::vector<T> below{one}, level;
  std::size_t next = 0;  // degrees_[next] is the next to be written
  for (int degree = 0; degree <= top_degree(); ++degree) {
    if (degree > 0) {
      const std::vector<Step>& steps = levels_[static_cast<std::size_t>(degree)];
      level.resize(steps.size());
      for (std::size_t i = 0; i < steps.size(); ++i) {
        level[i] =
            degree == 1 ? x[steps[i].variable] : multiply(below[steps[i].parent], x[steps[i].variable]);
      }
      below.swap(level);
    }
    if (degrees_[next] != degree) continue;
    for (const T& v : below) *out++ = v;
    ++next;
  }
}

}  // namespace heavykeys::detail
