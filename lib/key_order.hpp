// The check that every pass over keys in order makes of the keys it is given next.
#pragma once

#include <cstddef>
#include <cstdint>

#include "heavykeys/rows.hpp"

namespace heavykeys::detail {

/// A pass as its errors name it, and what it has seen.
struct KeyOrder {
  const char* pass;                 ///< "a scan"
  std::size_t dim = 0;              ///< of its queries
  std::uint64_t next = 0;           ///< row id that comes next, in stream 0
  std::uint64_t most = 0;           ///< keys there can be
  const char* limit = "announced";  ///< why there can be no more
};

/// Throws InvalidInput unless `keys`, not empty, have this dim, go on where the pass is, are no more than
/// there can be, and are finite (naming row and column).
void check_next_keys(const KeyOrder& order, const Rows& keys);

}  // namespace heavykeys::detail
