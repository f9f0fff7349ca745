// The exact Gram matrix rounded to floating point after power-of-two equilibration.
#pragma once

#include <cstddef>
#include <vector>

#include "lib/exact_gram.hpp"

namespace heavykeys::detail {

/// Exponents s with G_ii * 2^(-2 s_i) in [1/4, 1); 0 for zero columns. Then, for every row k of K~,
/// |k_i 2^(-s_i)| <= 1 and |G_ij 2^(-s_i-s_j)| <= 1: nothing overflows, and scaling changes no leverage.
std::vector<int> equilibration(const ExactGram& gram);

/// The columns of G that are not zero, ascending.
std::vector<std::size_t> nonzero_columns(const ExactGram& gram);

/// G[i, j] 2^(-s_i - s_j) correctly rounded.
DoubleDouble scaled_entry(const ExactGram& gram, const std::vector<int>& s, std::size_t i, std::size_t j);

/// The nearest double: scaled_entry().hi.
double nearest_entry(const ExactGram& gram, const std::vector<int>& s, std::size_t i, std::size_t j);

/// out[i] = row[i] * 2^(-s_i); exact (below 2^-1022 it may underflow, which the error bounds cover).
void scale_row(const double* row, const std::vector<int>& s, double* out);

}  // namespace heavykeys::detail
