// What leverage is measured in: the additive half of the sketch.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "lib/exact_gram.hpp"
#include "lib/plan.hpp"

namespace heavykeys::detail {

/// The Gram matrix of the lifted rows (T1, T3), or of the weighted rows with what T7 needs beside it. A
/// commutative monoid.
struct Metric {
  explicit Metric(const Plan& plan);

  ExactGram gram;                        ///< of lifted rows; weighted: sum_l w_l k_l k_l^T
  std::optional<ExactGram> plain;        ///< weighted only: sum_l k_l k_l^T
  std::map<int, std::uint64_t> weights;  ///< weighted only: a -> rows that arrived with w = 4^a

  std::uint64_t rows() const { return plain ? plain->rows() : gram.rows(); }
  void add(const Metric& other);
  std::size_t memory_bytes() const;

  /// What leverage a heavy row reaches in this layer, from 1: the rule's, T5's; weighted: epsilon^(2/p) /
  /// W^((p-2)/p), rounded down.
  double threshold(const Plan& plan, int layer = 1) const;
  /// Leverages of rows are at most 2^tau_bits: 1, or 1 / w as M >= w k k^T.
  int tau_bits() const { return weights.empty() ? 0 : -2 * weights.begin()->first; }
  /// W = sum_l w_l^(p/(p-2)), an upper bound within 1e-12.
  double weight_sum(double p) const;

  friend bool operator==(const Metric&, const Metric&) = default;
};

}  // namespace heavykeys::detail
