// How much of a query's attention the universal set holds, its light keys too.
#pragma once

#include "tools/report.hpp"

namespace heavykeys::tools {

/// Multiplications that a page may cost: about a second.
inline constexpr std::size_t kMassWork = std::size_t{1} << 29;

/// For queries evenly spread over `queries`, as many as need `most_work` multiplications (|U| d for the
/// products of each, D^2 for its normaliser over D coordinates), but 16 at least: the sum over U of A_j(q) =
/// f(q.k_j) / sum_l f(q.k_l), the lower sum running over all n keys. None where the score has no closed form
/// (route_of): the lower sum is then not known. Accuracy: 1e-10 |U|; keys lighter than 1e-15 count as
/// nothing.
std::optional<SetMass> mass_on_set(const UniversalSet& set, const Rows& queries, std::size_t most_work);

}  // namespace heavykeys::tools
