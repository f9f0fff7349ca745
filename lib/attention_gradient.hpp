// One strip of queries and one block of keys of the backward pass: weights, and what each score adds to the
// loss.
#pragma once

#include <cstddef>
#include <vector>

#include "lib/attention_rows.hpp"

namespace heavykeys::detail {

/// What a normaliser over all keys adds: gradients by query [lanes, d] and by key [n, d] of each unit.
struct AllKeysPart {
  std::vector<std::vector<double>> by_query, by_key;
};

/// The arguments of attend_backward.
struct BackwardCall {
  const AttentionShape& shape;
  const TensorView& queries;
  const TensorView& keys;
  const TensorView& values;
  const KeySets& sets;
  const TensorView& out;
  const AttendSums& sums;
  const TensorView& grad_out;
  const AttendGradients& gradients;
  AllKeysPart all_keys;

  bool over_all_keys() const { return shape.options.normalise == Normalise::all_keys; }
  /// grad_out . out of one query: the derivative of the loss by the logarithm of the normaliser, negated.
  double mean_slope(std::size_t unit, std::size_t lane) const;
};

/// A strip of queries with all that its gradients need.
template <class T>
struct GradientStrip {
  QueryStrip<T> q;
  AlignedVector<T> grad;                  ///< [dv, width], turned
  AlignedVector<T> shift, inverse, mean;  ///< [width]: as weigh_slopes wants them

  GradientStrip(const BackwardCall& call, std::size_t unit, std::size_t first, std::size_t count);
};

template <class T>
struct GradientBlock {
  ScoreBlock<T> scores;
  AlignedVector<T> slopes = AlignedVector<T>(kKeyBlock * kStripWidth);

  /// Makes of scores.scores the weights of a block for a strip, and of `slopes` what x adds to the loss.
  Strip<T> differentiate(const BackwardCall& call, const KeyRows<T>& rows, std::size_t block,
                         const GradientStrip<T>& g);
};

}  // namespace heavykeys::detail
