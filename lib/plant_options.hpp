// Options of plant() as the constructions use them: checked, and with nothing left to be chosen.
#pragma once

#include "heavykeys/sparse_pattern.hpp"

namespace heavykeys::detail {

constexpr std::size_t kMostPlantedDim = std::size_t{1} << 14;
constexpr std::size_t kMostPlantedElements = std::size_t{1} << 28;  // of queries, of keys, of svd's logits

/// `options` with epsilon2 and logit filled in. Throws InvalidInput for values out of range.
PlantOptions resolved(const PatternShape& shape, const PlantOptions& options);

/// ln(1 / epsilon2): how far below T a logit off the support must stay.
double off_support_gap(const PlantOptions& resolved);

/// Throws InvalidInput where queries or keys would pass these limits.
void check_planted_size(std::size_t rows, std::size_t columns, std::size_t dim);

/// The logits of row i's entries: T + ln(M_ij / max_l M_il), in the order of its columns.
void logits_of_row(const SparsePattern& pattern, std::size_t i, double logit, std::vector<double>& out);

}  // namespace heavykeys::detail
