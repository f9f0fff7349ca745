// The scan with the threads of a backend.
#pragma once

#include "heavykeys/scan.hpp"
#include "lib/siblings.hpp"
#include "lib/workers.hpp"

namespace heavykeys::detail {

HEAVYKEYS_SIBLINGS void absorb_with(Scan& scan, const Rows& keys, const Workers& workers);

/// As heavykeys::scan.
HEAVYKEYS_SIBLINGS HeavyEntries scan_with(const Score& score, double epsilon, const Rows& queries,
                                          const Rows& keys, const ScanOptions& options,
                                          const Workers& workers);

}  // namespace heavykeys::detail
