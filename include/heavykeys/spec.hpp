// What a sketch is asked to find: the score f, the threshold epsilon, the grid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace heavykeys {

/// The score f of attention weights A_j(q) = f(q.k_j) / sum_l f(q.k_l).
struct Score {
  enum class Kind : std::uint32_t { power = 1 };

  Kind kind = Kind::power;
  double parameter = 2.0;  ///< power: the exponent p of |x|^p

  /// |x|^p. This version serves p = 2. Throws InvalidInput for any other p.
  static Score power(double p);

  /// "power:2", as the command line writes it.
  std::string name() const;

  friend bool operator==(const Score&, const Score&) = default;
};

/// Everything that decides the result, and nothing that does not: equal Specs and equal rows
/// give equal bytes from every engine. Tuning (threads, push sizes, instruction set) lives elsewhere.
struct Spec {
  std::size_t dim = 0;            ///< d, columns of K: 1 .. 4096
  double epsilon = 0.0;           ///< threshold, in (0, 1]: keys that can reach weight >= epsilon are heavy
  Score score = {};               ///< f
  int grid_bits = 24;             ///< P: keys are rounded to P bits below their column's block maximum
  std::size_t block_rows = 4096;  ///< B: rows that share one grid, a power of two in 16 .. 4096

  friend bool operator==(const Spec&, const Spec&) = default;
};

/// Throws InvalidInput, naming the field and its value, unless every field is in its range
/// (grid_bits in 8 .. 24).
void validate(const Spec& spec);

/// "dim=64 score=power:2 epsilon=0.05 grid_bits=24 block_rows=4096".
std::string to_string(const Spec& spec);

}  // namespace heavykeys
