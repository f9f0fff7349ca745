// How the universal set of a score is found, in words.
#pragma once

#include <cstddef>
#include <string>

#include "heavykeys/spec.hpp"

namespace heavykeys::tools {

struct Route {
  /// "exact": x^2. "lift": one test of the leverage of monomials, at a threshold of its own (T3, T4).
  /// "onion": layer after layer (T5). "lewis": weights on arrival (T7).
  std::string name;
  bool lifted = false;         ///< leverage is that of monomials of degree 2 and more, or of 0
  std::size_t coordinates;     ///< that leverage is measured in: d, or those of the lift
  bool exact_weights = false;  ///< the score has a closed form
};

Route route_of(const Spec& spec);

/// "lift, 120 coordinates".
std::string to_string(const Route& route);

}  // namespace heavykeys::tools
