// Absorbing samples: each on its grid, then their exact products.
#pragma once

#include "heavykeys/covariance.hpp"
#include "heavykeys/rows.hpp"
#include "lib/siblings.hpp"
#include "lib/workers.hpp"

namespace heavykeys::detail {

/// The whole call for one worker group. What can fail comes first: when it throws, nothing has been absorbed.
HEAVYKEYS_SIBLINGS void absorb_with(Covariance& covariance, const Rows& samples, const Workers& workers);

}  // namespace heavykeys::detail
