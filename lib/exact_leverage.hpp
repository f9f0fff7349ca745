// Rank and leverage decisions in exact arithmetic, by many primes (docs/theory.md, "Exact decisions").
//
// G is an integer matrix after scaling by powers of two. Every quantity needed is an integer of known
// size, a minor of G or a combination of minors, so its residues modulo enough primes determine it.
#pragma once

#include <cstddef>
#include <vector>

#include "lib/exact_gram.hpp"
#include "lib/lifted_rows.hpp"

namespace heavykeys::detail {

/// Columns of K that form a basis of its column space: independent, and spanning for certain.
/// Prefers columns early in `order`. Cost: O(d^2 r) for each of about (total bits of G) / 62 primes.
std::vector<std::size_t> exact_column_basis(const ExactGram& gram, const std::vector<std::size_t>& order);

/// The same without the proof that the columns span, for lifts whose proof would take thousands of primes:
/// the greatest rank modulo three primes of 61 bits drawn by a hash of G. It is too small only if each of
/// them divides one of the nested minors that elimination meets: about 2^-31 for each prime over the draw.
std::vector<std::size_t> likely_column_basis(const ExactGram& gram, const std::vector<std::size_t>& columns);

struct ExactDecision {
  bool heavy = false;  ///< tau >= epsilon, ties included
  double tau = 0.0;    ///< relative error <= 1e-12; epsilon itself when equal
};

/// Decides tau >= epsilon, in (0, 1], for the rows named (each a row of the K~ behind `gram`), none of which
/// has tau > 2^tau_bits. Cost: O(r^3 + rows r^2) for each prime.
std::vector<ExactDecision> exact_leverages(const ExactGram& gram, const std::vector<std::size_t>& basis,
                                           const LiftedRows& store, const std::vector<std::size_t>& rows,
                                           double epsilon, int tau_bits = 0);

}  // namespace heavykeys::detail
