// Stored bytes to damage, of all that is stored: sketches (.hks), covariances (.hkc), reconstructors (.hkr);
// golden files and fresh ones; where their fields lie; and a checksum made to fit again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace wire {

using Bytes = std::vector<std::byte>;

constexpr std::size_t kHeader = 32;  // docs/format.md

enum class Stored { sketch, covariance, reconstructor };

struct State {
  std::string name;
  Bytes bytes;
  Stored kind = Stored::sketch;
};

/// Every golden file of a kind and fresh ones. Sketches: with gaps, several streams, waiting rows and none.
/// Covariances: whole and sketched, of several exponents, of none. Reconstructors: factored or not, none
/// left.
const std::vector<State>& states(Stored kind);

/// Of all kinds.
std::vector<State> all_states();

/// Reads bytes as what `kind` says, and writes that again. Throws Corrupt.
Bytes written_again(Stored kind, const Bytes& bytes);

/// What a field says, and so what its extreme values are.
enum class Kind { count, id, exponent, number, word, small };

struct Field {
  std::size_t at = 0;
  std::size_t size = 0;
  Kind kind = Kind::count;
};

/// Fields of valid bytes of any kind, read by docs/format.md and not by lib's readers (only the number of
/// Gram columns is asked of lib). Covers every byte once; arrays are many fields, a 128-bit integer two.
std::vector<Field> fields_of(const Bytes& state);

/// Makes size and checksum fit.
void seal(Bytes& state);

}  // namespace wire
