// What a sketch is asked to find: the score f, the threshold epsilon, the grid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "heavykeys/score.hpp"

namespace heavykeys {
#pragma GCC visibility push(default)

/// Everything that decides the result, and nothing that does not: equal Specs and equal rows
/// give equal bytes from every engine. Tuning (threads, push sizes, instruction set) lives elsewhere.
struct Spec {
  std::size_t dim = 0;             ///< d, columns of K: 1 .. 4096
  double epsilon = 0.0;            ///< threshold, in (0, 1]: keys that can reach weight >= epsilon are heavy
  Score score = {};                ///< f
  int grid_bits = 24;              ///< P: keys are rounded to P bits below their column's block maximum
  std::size_t block_rows = 4096;   ///< B: rows that share one grid, a power of two in 16 .. 4096
  std::size_t sample_rows = 1024;  ///< k: rows sampled for estimates where f has no closed form; 0 .. 2^20
  std::uint64_t seed = 0;          ///< of the sample

  friend bool operator==(const Spec&, const Spec&) = default;
};

/// Throws InvalidInput, naming the field and its value, unless every field is in its range
/// (grid_bits in 8 .. 24), and the score has a universal set that can be found: softmax is refused (T9), and
/// so is a polynomial or custom score whose lift would have more than 2,100 coordinates.
void validate(const Spec& spec);

/// "dim=64 score=power:2 epsilon=0.05 grid_bits=24 block_rows=4096", after a custom score its growth and
/// f(0), and at the end sample_rows and seed where they are not the usual ones. Different Specs have
/// different texts.
std::string to_string(const Spec& spec);

#pragma GCC visibility pop

}  // namespace heavykeys
