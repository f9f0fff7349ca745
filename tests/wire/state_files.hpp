// State files to damage: the golden ones and fresh ones of every kind of score; where their fields lie; and a
// checksum made to fit again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace wire {

using Bytes = std::vector<std::byte>;

constexpr std::size_t kHeader = 32;  // docs/format.md

struct State {
  std::string name;
  Bytes bytes;
};

/// Every golden file, and sketches with gaps, several streams, waiting rows and none.
const std::vector<State>& states();

/// What a field says, and so what its extreme values are.
enum class Kind { count, id, exponent, number, word, small };

struct Field {
  std::size_t at = 0;
  std::size_t size = 0;
  Kind kind = Kind::count;
};

/// Fields of a valid state, read by docs/format.md and not by lib/wire.cpp (only the number of Gram columns
/// is asked of lib). Covers every byte once; arrays are many fields.
std::vector<Field> fields_of(const Bytes& state);

/// Makes size and checksum fit.
void seal(Bytes& state);

}  // namespace wire
