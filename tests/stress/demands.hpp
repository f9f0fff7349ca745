// What numerical stress is demanded, each by name: how to draw a problem of it, and a measurement of the
// drawn problem which shows that it is one.
#pragma once

#include <string>
#include <vector>

#include "laws/agreement.hpp"

namespace stress {

struct Demand {
  std::string name;
  support::Problem (*draw)(support::Random&);
  /// At least `least` on every problem drawn, or the program fails.
  double (*measured)(const support::Problem&, const agreement::Exact&);
  double least = 1;
  std::string of;  ///< what is measured
};

/// conditions.cpp, extremes.cpp, ties.cpp
std::vector<Demand> conditions();
std::vector<Demand> extremes();
std::vector<Demand> exact_ties();

/// Problem of the matrix; the name says what it is.
support::Problem problem(const std::string& name, const support::Matrix& keys, const heavykeys::Spec& spec,
                         heavykeys::Dtype dtype = heavykeys::Dtype::f64);

/// A random Spec for these columns: any of the usual epsilons, grids and blocks.
heavykeys::Spec any_spec(std::size_t dim, support::Random& random);

}  // namespace stress
