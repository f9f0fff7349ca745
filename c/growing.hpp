// Structs with a struct_size. A field that is added takes 0 for what was usual before it was there: so a
// shorter struct, of an older header, is filled up with zeros, and a longer one is understood as long as what
// is past our end is 0.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "heavykeys/error.hpp"

namespace heavykeys::c {

/// Past this, a struct_size is not one: the memory was never initialised.
constexpr std::uint64_t kGreatestStruct = 4096;

/// Throws InvalidInput unless a struct of `size` bytes holds the first `least`.
inline void check_size(std::uint64_t size, std::uint64_t least, const std::string& name) {
  if (size >= least && size <= kGreatestStruct) return;
  throw InvalidInput(name + ".struct_size is " + std::to_string(size) + "; it must be in " +
                     std::to_string(least) + " .. " + std::to_string(kGreatestStruct) + ", as heavykeys_" +
                     name + "_init makes it");
}

/// The caller's struct at our length. `least`: the length of its first release.
template <class Struct>
Struct grown(const Struct* given, std::uint64_t least, const std::string& name) {
  const std::uint64_t size = given->struct_size;
  check_size(size, least, name);
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  for (std::uint64_t i = sizeof(Struct); i < size; ++i) {
    if (bytes[i] != 0) {
      throw InvalidInput(name + ": a field is set that this release does not know, at byte " +
                         std::to_string(i) + " of " + std::to_string(size));
    }
  }
  Struct known = {};
  std::memcpy(&known, given, std::min<std::uint64_t>(size, sizeof known));
  return known;
}

/// Writes as much of `value` as the caller's struct of `size` bytes holds, and zeros past it.
template <class Struct>
void initialise(Struct* to, std::uint64_t size, std::uint64_t least, Struct value, const std::string& name) {
  check_size(size, least, name);
  value.struct_size = size;
  std::memset(static_cast<void*>(to), 0, size);
  std::memcpy(static_cast<void*>(to), &value, std::min<std::uint64_t>(size, sizeof value));
}

}  // namespace heavykeys::c
