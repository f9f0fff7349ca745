// A score as the search needs it: f over whole arrays in float64, its slope in x^2, and what the tests know.
#pragma once

#include <cstddef>
#include <vector>

#include "tests/laws/score_cases.hpp"

namespace adversary {

struct Shape {
  scores::Case law;
  bool homogeneous = false;  ///< f(c x) = c^p f(x): the size of a query changes no weight
  /// out[j] = f(scale x[j]).
  void (*apply)(const double* x, double scale, std::size_t n, double* out) = nullptr;
  /// out[j] = df/d(x^2) at x[j]; x[j] != 0.
  void (*slope)(const double* x, std::size_t n, double* out) = nullptr;

  std::string name() const { return law.name(); }
};

/// All scores of the tests, x^2 first.
const std::vector<Shape>& shapes();

}  // namespace adversary
