// How much of a query's attention the universal set holds, its light keys too.
#pragma once

#include "tools/report.hpp"

namespace heavykeys::tools {

inline constexpr std::size_t kMassPairs = std::size_t{1} << 23;  ///< of a page: about a second

/// For queries evenly spread over `queries`, as many as make `most_pairs` pairs with keys of U, but 16 at
/// least: the sum over U of A_j(q) = f(q.k_j) / sum_l f(q.k_l), the lower sum running over all n keys. None
/// where the score has no closed form (route_of): the lower sum is then not known. Accuracy: 1e-10 |U|; keys
/// lighter than 1e-15 count as nothing.
std::optional<SetMass> mass_on_set(const UniversalSet& set, const Rows& queries, std::size_t most_pairs);

}  // namespace heavykeys::tools
