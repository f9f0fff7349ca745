// Heavy entries with the threads of a backend.
#pragma once

#include "heavykeys/heavy_entries.hpp"
#include "lib/siblings.hpp"
#include "lib/workers.hpp"

namespace heavykeys::detail {

HEAVYKEYS_SIBLINGS HeavyEntries heavy_entries_with(const UniversalSet& set, const Rows& queries,
                                                   const HeavyOptions& options, const Workers& workers);

/// Entries of consecutive groups of queries, one after the other.
HEAVYKEYS_SIBLINGS HeavyEntries concatenate(const std::vector<HeavyEntries>& parts);

}  // namespace heavykeys::detail
