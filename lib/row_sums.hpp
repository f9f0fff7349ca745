// sum_l f(q.k_l) over the rows behind a sketch, exact or bounded.
#pragma once

#include <optional>

#include "lib/normalizer.hpp"
#include "lib/tail_sum.hpp"

namespace heavykeys::detail {

/// One of the two: `closed` where f is a polynomial of x^2, else `tail`, which leaves U to be summed.
struct RowSums {
  PlanPtr plan;
  std::vector<int> scale;  ///< keys are scaled by 2^(-scale) for dot products
  std::optional<Normalizer> closed;
  std::optional<TailSum> tail;

  /// `kept`: U, sorted, as `peeled` says.
  RowSums(PlanPtr plan, const Metric& metric, const Peeled& peeled, const Candidates& kept,
          const RowSample& sample, std::vector<int> scale);
};

/// Scale for dot products with the rows of `metric`.
std::vector<int> key_scale(const Plan& plan, const Metric& metric);

/// Appends all of `keys`.
void append(KeyPanel& panel, const Candidates& keys, const std::vector<int>& scale);

}  // namespace heavykeys::detail
