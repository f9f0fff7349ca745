// A score as a rule on the sketch: which monomials of a key are measured, how heavy one has to be, how deep.
#pragma once

#include <cstddef>
#include <vector>

#include "heavykeys/spec.hpp"
#include "lib/siblings.hpp"

namespace heavykeys::detail {

/// What T1 to T7 make of a score. Leverage is that of the lifted rows: all monomials of these degrees.
struct Rule {
  std::vector<int> degrees{1};  ///< of the lift, ascending; {1}: the key itself
  int layers = 1;               ///< T of the onion (T5); 1: one leverage test
  /// Heavy is leverage >= threshold, in an onion in its first layer. Never above the theorem's: nothing is
  /// missed.
  double threshold = 0.0;
  bool weighted = false;     ///< Lewis weights on arrival (T7); the threshold then depends on the state
  bool closed_form = false;  ///< sum_l f(q.k_l) is a polynomial in the Gram matrix: weights are exact

  bool is_lifted() const { return degrees.size() != 1 || degrees[0] != 1; }
};

/// epsilon / (1 - (layer - 1) epsilon), rounded down (exact in the first layer): what the layers of T5 take.
double layer_threshold(double epsilon, int layer);

/// 1/epsilon_1 + 1/epsilon_2 + ... over the layers of T5: |U| is at most this times D.
double layers_bound(double epsilon);

/// Throws InvalidInput when no rule serves the score at this dim and epsilon.
HEAVYKEYS_SIBLINGS Rule rule_for(const Spec& spec);

/// Monomials of this degree in dim variables: C(dim + degree - 1, degree), or above `kMaxLifted` when more.
std::size_t monomial_count(std::size_t dim, int degree);

/// Coordinates of the lift: the sum over its degrees.
HEAVYKEYS_SIBLINGS std::size_t lifted_dim(std::size_t dim, const std::vector<int>& degrees);

inline constexpr std::size_t kMaxLifted = 2100;
inline constexpr int kMaxDegree = 4;  ///< an s-fold product of 24-bit integers stays in 96 bits

}  // namespace heavykeys::detail
