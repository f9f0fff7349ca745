// Heavy entries as Python holds them.
#pragma once

#include <cstdint>

#include "heavykeys/heavy_entries.hpp"

namespace heavykeys::python {

/// Entries, and among how many keys they were found.
struct Entries {
  HeavyEntries found;
  std::uint64_t key_count = 0;
};

}  // namespace heavykeys::python
