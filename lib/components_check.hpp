// Components may be anybody's numbers.
#pragma once

#include "heavykeys/eigen_analysis.hpp"
#include "lib/siblings.hpp"

namespace heavykeys::detail {

/// Throws InvalidInput unless the parts fit together and all numbers are finite, variances not negative and
/// descending. That components are orthonormal is not looked at.
HEAVYKEYS_SIBLINGS void check(const PrincipalComponents& components);

}  // namespace heavykeys::detail
