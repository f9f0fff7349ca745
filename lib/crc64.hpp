// CRC-64/XZ (ECMA-182, reflected): any burst of up to 64 wrong bits in a state file is detected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/siblings.hpp"

namespace heavykeys::detail {

HEAVYKEYS_SIBLINGS std::uint64_t crc64(std::span<const std::byte> bytes);

}  // namespace heavykeys::detail
