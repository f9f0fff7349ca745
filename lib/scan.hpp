// The scan with the threads of a backend.
#pragma once

#include "heavykeys/scan.hpp"
#include "lib/workers.hpp"

namespace heavykeys::detail {

void absorb_with(Scan& scan, const Rows& keys, const Workers& workers);

}  // namespace heavykeys::detail
