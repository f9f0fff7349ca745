// The frame of everything that is stored: what it is, of which version, how long, and a checksum.
//
//   "HEAVYxxx" 8 bytes   u32 version   u32 0   u64 size of everything   u64 CRC-64 of all after this field
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/byte_stream.hpp"

namespace heavykeys::detail {

/// One kind of thing to store.
struct Envelope {
  std::string_view magic;     ///< 8 characters
  std::string_view name;      ///< for error texts: "a heavykeys sketch"
  std::uint32_t version = 1;  ///< the newest that is read
};

/// The frame around `body`.
std::vector<std::byte> seal(const Envelope& kind, std::uint32_t version, std::span<const std::byte> body);

struct Opened {
  std::uint32_t version = 0;
  ByteReader body;
};

/// Inverse of seal. Throws Corrupt for another kind, a newer version, another size or a wrong checksum.
Opened unseal(const Envelope& kind, std::span<const std::byte> bytes);

}  // namespace heavykeys::detail
