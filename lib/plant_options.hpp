// Options of plant() as the constructions use them: checked, and with nothing left to be chosen.
#pragma once

#include "heavykeys/sparse_pattern.hpp"

namespace heavykeys::detail {

/// `options` with epsilon2 and logit filled in. Throws InvalidInput for values out of range.
PlantOptions resolved(const PatternShape& shape, const PlantOptions& options);

/// ln(1 / epsilon2): how far below T a logit off the support must stay.
double off_support_gap(const PlantOptions& resolved);

/// The logits of row i's entries: T + ln(M_ij / max_l M_il), in the order of its columns.
void logits_of_row(const SparsePattern& pattern, std::size_t i, double logit, std::vector<double>& out);

}  // namespace heavykeys::detail
