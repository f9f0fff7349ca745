#include "lib/crc64.hpp"

#include <array>

namespace heavykeys::detail {

namespace {

std::array<std::uint64_t, 256> make_table() {
  std::array<std::uint64_t, 256> table{};
  for (std::uint64_t i = 0; i < 256; ++i) {
    std::uint64_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? (c >> 1) ^ 0xC96C5795D7870F42u : c >> 1;
    table[i] = c;
  }
  return table;
}

}  // namespace

std::uint64_t crc64(std::span<const std::byte> bytes) {
  static const std::array<std::uint64_t, 256> table = make_table();
  std::uint64_t c = ~std::uint64_t{0};
  for (std::byte b : bytes) c = table[(c ^ static_cast<std::uint64_t>(b)) & 0xff] ^ (c >> 8);
  return ~c;
}

}  // namespace heavykeys::detail
