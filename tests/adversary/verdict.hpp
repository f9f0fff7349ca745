// What is decided in higher precision: whether a suspect is a missed key, and whether intervals hold.
#pragma once

#include <cstddef>
#include <string>

#include "heavykeys/universal_set.hpp"
#include "tests/adversary/examiner.hpp"

namespace adversary {

/// The weight over epsilon of a finding's key, products exact, f in long double; relative error below 1e-15.
long double true_ratio(const Instance& instance, const Finding& finding);

struct Intervals {
  std::size_t entries = 0;     ///< listed, in both modes
  std::size_t violations = 0;  ///< outside their interval, listed against the mode, or heavy and not listed
  double widest = 0;           ///< upper / lower, greatest over the entries with lower > 0
  std::string first;           ///< what was wrong first
};

/// The heavy entries of these queries in both modes, against the truth.
Intervals check_intervals(const Instance& instance, const heavykeys::UniversalSet& set,
                          const std::vector<std::vector<double>>& queries);

}  // namespace adversary
