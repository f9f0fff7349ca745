// Gridded keys read as lifted rows in the units of an equilibrated Gram matrix.
#pragma once

#include <vector>

#include "lib/double_double.hpp"
#include "lib/lift.hpp"
#include "lib/row_store.hpp"

namespace heavykeys::detail {

/// Row r of the lift, scaled by 2^(-s_c): what leverages are computed from.
class LiftedRows {
 public:
  LiftedRows(const RowStore& rows, const Lift& lift) : rows_(rows), lift_(lift) {}

  std::size_t count() const { return rows_.count(); }
  const Lift& lift() const { return lift_; }
  const RowStore& base() const { return rows_; }

  /// out is [lift.size()]. Relative error of each coordinate at most rounding<Real>().
  template <class Real>
  void read(std::size_t r, const std::vector<int>& s, Real* out) const;

  /// 0 where products of gridded integers fit Real's significand.
  template <class Real>
  double rounding() const;

 private:
  const RowStore& rows_;
  const Lift& lift_;
};

}  // namespace heavykeys::detail
