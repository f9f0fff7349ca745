// Rows as bytes: float32 where every value is one, else float64, so equal rows have equal bytes.
#pragma once

#include <cstddef>

#include "lib/byte_stream.hpp"
#include "lib/row_store.hpp"
#include "lib/siblings.hpp"

namespace heavykeys::detail {

/// u64 count  u32 bytes of an element: 4 or 8  u32 0  element[count * dim]
HEAVYKEYS_SIBLINGS void put_rows(ByteWriter& out, const RowStore& store);

/// Inverse of put_rows. Throws Corrupt for anything it cannot have written: an unknown or needlessly wide
/// element, NaN, infinity, minus zero, more rows than there are bytes.
HEAVYKEYS_SIBLINGS RowStore get_rows(ByteReader& in, std::size_t dim);

}  // namespace heavykeys::detail
