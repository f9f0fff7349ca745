// U by the theorems alone, in float64 and without the library: the search can then be turned on the theorems.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <vector>

#include "tests/laws/score_cases.hpp"

namespace adversary {

struct IllConditioned : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Ids of the rows of gridded [n, d] that T1, T4 or T5 put in U, ascending. `sharp`: the onion with
/// the threshold epsilon / (1 - (t - 1) epsilon) at layer t, as the library has it; else the older epsilon /
/// (2 - epsilon) at all. A leverage within 1e-9 of the threshold counts as reaching it. Throws IllConditioned
/// where float64 cannot tell.
std::vector<std::size_t> law_set(const scores::Case& law, const std::vector<double>& gridded, std::size_t d,
                                 double epsilon, bool sharp);

}  // namespace adversary
