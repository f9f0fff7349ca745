// From a Gram matrix and candidates to the universal set: one leverage test, or the layers of T5.
#pragma once

#include <cstddef>
#include <vector>

#include "lib/leverage.hpp"
#include "lib/metric.hpp"
#include "lib/siblings.hpp"

namespace heavykeys::detail {

struct Peeled {
  std::vector<std::size_t> kept;  ///< indices into the rows, ascending: the universal set
  std::vector<double> tau;        ///< [kept] leverage in the layer
  std::vector<int> layer;         ///< [kept] from 1
  std::size_t rank = 0;           ///< of all rows
  /// What the last leverage test was made against: every row not kept has a leverage below last_threshold
  /// there. (Not with weights, T7: a row may have been dropped by a threshold that was higher then.)
  ExactGram tested;
  double last_threshold = 0.0;
};

/// Peels `rows`, which must contain every row of U among those behind `metric`. A layer is what has leverage
/// >= threshold in what the layers above left (T5); rules of one layer are T1 to T4 and T7.
/// Cost: O(layers (D^3 + rows D^2)), layers at most min(T, rows).
Peeled peel(const Plan& plan, const Metric& metric, const RowStore& rows, Effort effort);

/// The same a layer at a time, for rows that are spread over several holders: each tests its own, and removes
/// what is heavy anywhere.
class HEAVYKEYS_SIBLINGS Peeling {
 public:
  /// `rows` must outlive it.
  Peeling(const Plan& plan, const Metric& metric, const RowStore& rows);

  /// True while there is a layer to test; the first has number 1.
  bool more() const { return layer_ <= layers_; }
  bool is_last() const { return layer_ == layers_; }
  /// Tests the rows that are left: indices of those in this layer, ascending.
  const std::vector<std::size_t>& test(Effort effort);
  /// Goes on to the next layer without these rows: all of this layer, here and elsewhere.
  void remove(const RowStore& heavy);
  /// No row of this holder is left. When that is so of all, stop() spares the test of a layer.
  bool none_left() const { return left_.empty(); }
  void stop();

  /// What was found of `rows`, so far in order of the layers.
  Peeled found;

 private:
  const Plan& plan_;
  const Metric& metric_;
  const RowStore& rows_;
  int layer_ = 1;
  int layers_;
  std::vector<std::size_t> left_;
  std::vector<std::size_t> heavy_;
};

/// gram without these rows, each of which was added to it; exact.
void remove_rows(ExactGram& gram, const Lift& lift, const RowStore& rows);

/// Rows `which` of `rows`, ascending.
HEAVYKEYS_SIBLINGS RowStore select(const RowStore& rows, const std::vector<std::size_t>& which);

}  // namespace heavykeys::detail
