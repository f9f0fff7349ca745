// Keys in memory, gridded, with their exact Gram matrix and the factor that turns rows into coordinates in
// which leverage is length.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "heavykeys/rows.hpp"
#include "lib/aligned.hpp"
#include "lib/certified_factor.hpp"
#include "lib/exact_gram.hpp"
#include "lib/row_store.hpp"

namespace heavykeys::detail {

class KeyGeometry {
 public:
  /// Throws InvalidInput for dim or grid_bits out of range, or NaN/Inf, naming row and column.
  KeyGeometry(const Rows& keys, int grid_bits);

  std::size_t count() const { return rows_.count(); }
  std::size_t rank() const { return columns_.size(); }  ///< exact
  /// Row r of K~ [dim].
  void read(std::size_t r, double* out) const { rows_.read(r, out); }

  /// False when K~ is too near dependent for double-double: then there are no coordinates.
  bool has_coordinates() const { return factor_.has_value(); }
  /// The inverse factor, transposed: [rank, padded(rank)], keys of dot_products for rows as `gather` makes
  /// them.
  const AlignedVector<double>& whitening() const { return whitening_; }
  /// The elements of row r that the factor takes, equilibrated: [rank]. Returns their length.
  double gather(std::size_t r, double* out) const;
  /// || computed - true coordinates || <= slope() ||gathered row||, for any computed as one dot product each.
  double slope() const { return slope_; }
  /// Frobenius norm of the whitening.
  double norm() const { return norm_; }
  double theta() const { return factor_->theta(); }

  /// Leverages of the rows named, relative error <= 1e-10.
  std::vector<double> leverages(const std::vector<std::size_t>& rows) const;

 private:
  void grid(const Rows& keys, int grid_bits);
  void prepare_whitening();
  /// Float64 coordinates, then double-double, then exact; each for what the one before left open.
  std::vector<std::size_t> by_coordinates(const std::vector<std::size_t>& rows,
                                          std::vector<double>& tau) const;
  void by_exact(const std::vector<std::size_t>& rows, const std::vector<std::size_t>& open,
                std::vector<double>& tau) const;

  ExactGram gram_;
  RowStore rows_;
  std::vector<int> scale_;
  std::vector<std::size_t> columns_;  // a basis of the column space, in the factor's order if there is one
  std::optional<CertifiedFactor<DoubleDouble>> factor_;
  AlignedVector<double> whitening_;
  double slope_ = 0.0, norm_ = 0.0;
};

}  // namespace heavykeys::detail
