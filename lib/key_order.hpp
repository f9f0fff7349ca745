// The checks that a pass over keys makes of the keys it is given.
#pragma once

#include <cstddef>
#include <cstdint>

#include "heavykeys/rows.hpp"

namespace heavykeys::detail {

/// A pass as its errors name it.
struct KeyPass {
  const char* name = "";            ///< "a scan"
  std::size_t dim = 0;              ///< of its queries
  std::uint64_t most = 0;           ///< keys there can be
  const char* limit = "announced";  ///< why there can be no more
};

/// Throws InvalidInput unless `keys`, not empty, have this dim and are rows of stream 0 below `most`.
void check_place(const KeyPass& pass, const Rows& keys);

/// The same, and unless they are finite (naming row and column).
void check_keys(const KeyPass& pass, const Rows& keys);

/// The same, and the keys are to begin with row `next`.
void check_next_keys(const KeyPass& pass, std::uint64_t next, const Rows& keys);

}  // namespace heavykeys::detail
