// Queries and keys of a scan as integers of 16 bits, with bounds on what that loses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/aligned.hpp"
#include "lib/scan_block.hpp"

namespace heavykeys::detail {

/// What is known of a row x that stands for integers times `step`: ||x|| <= norm and ||x - integers step|| <=
/// residual. `usable` is false for rows near the ends of the range of doubles.
struct CoarseSize {
  bool usable = true;
  double step = 1.0;
  double norm = 0.0;
  double residual = 0.0;
};

/// All queries of a scan: 2 bytes an element.
struct CoarseQueries {
  /// Appends the queries of a tile, times -1 if `negative`.
  void append(const QueryTile& tile, bool negative);

  std::size_t width = 0;
  std::vector<std::int16_t> values;  // [m, width]
  std::vector<CoarseSize> size;      // [m]
};

/// One block of keys, with one step and one bound for all.
struct CoarseKeys {
  void load(const KeyBlock& block, std::size_t dim);

  AlignedVector<std::int16_t> panel;
  CoarseSize size;  // not usable, too, when the keys' magnitudes are far too different

 private:
  AlignedVector<double> squares_;
};

/// The step for rows of |elements| <= greatest and 2-norms up to `norm`: their integers stay below kCoarseTop
/// and kCoarseNorm.
double coarse_step(double norm, std::size_t dim, double greatest);
/// Of rows with this step and norm, from the greatest sum of the squares of what rounding left of one.
CoarseSize coarse_size(double step, double norm, double squares);
/// The integers of a row, times -1 if `negative`, go to out [coarse_width(dim)], the last of which stays as
/// it is where dim is odd.
CoarseSize coarse_row(const double* row, std::size_t dim, double norm, double greatest, bool negative,
                      std::int16_t* out);

/// Where a query and a block have `sizes` q and k, |q.k - (integer product) q.step k.step| is at most this.
double coarse_error(const CoarseSize& q, const CoarseSize& k);

}  // namespace heavykeys::detail
