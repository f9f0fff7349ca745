// The parts of a sketch, each reduced over the ranks in its own way.
#pragma once

#include <optional>

#include "heavykeys/communicator.hpp"
#include "lib/candidates.hpp"
#include "lib/metric.hpp"
#include "lib/plan.hpp"
#include "lib/row_sample.hpp"

namespace heavykeys::distributed {

/// The sum of the ranks' metrics, in place, on every rank. Exact integers are summed as they are: the ranks
/// first agree on the exponents of the columns, and so on the width. Collective.
/// Traffic: the Gram matrix, 2 words a column; with weights both matrices, and 2 words for each weight.
void sum_metric(Communicator& comm, detail::Metric& metric);

/// What is heavy in the whole among the candidates of all ranks, `metric` being the whole's: on every rank,
/// or on `root`. Each rank tests its own; an onion is peeled together, a layer at a time. Collective.
/// Traffic: d + 2 words for each candidate that stays, and 2 words a layer.
detail::Candidates gather_candidates(Communicator& comm, const detail::Plan& plan,
                                     const detail::Metric& metric, const detail::Candidates& own,
                                     std::optional<int> root);

/// The sample of all ranks' rows, on every rank or on `root`. The k-th least hash is found first, by
/// counting, so that no row goes out that is not to stay. Collective. Traffic: d + 2 words for each row of
/// the sample, and 2,049 words.
detail::RowSample gather_sample(Communicator& comm, const detail::RowSample& own, std::optional<int> root);

}  // namespace heavykeys::distributed
