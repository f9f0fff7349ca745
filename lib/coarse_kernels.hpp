// The loops of the scan's first look, in integers of 16 bits and float32: compiled once for each instruction
// set as those of kernels.hpp. Sums of integers are exact in any order; in float32 one order is kept.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heavykeys::detail {

/// Elements of a coarse row: whole pairs, as one 32-bit lane takes.
inline std::size_t coarse_width(std::size_t dim) { return dim + dim % 2; }

/// Integers of this magnitude at most, in rows of 2-norm at most kCoarseNorm: the products of two such rows
/// then fit 32 bits, with all their partial sums (Cauchy-Schwarz).
inline constexpr double kCoarseTop = 32767.0, kCoarseNorm = 46340.0;

/// Keys that lie side by side in a panel of integers: 32 bits for two elements of each fill a cache line.
inline constexpr std::size_t kKeyStrip = 16;

/// Integer i of key u goes to panel[((u / kKeyStrip * pairs + i / 2) * kKeyStrip + u % kKeyStrip) * 2 + i %
/// 2], pairs = coarse_width(dim) / 2: columns[i * ld + u] / step, rounded. residual[u] = sum_i (columns[i *
/// ld + u] - integer * step)^2. ld is a multiple of kColumnTile.
void coarse_columns(const double* columns, std::size_t dim, std::size_t ld, double step, std::int16_t* panel,
                    double* residual);

/// products[a * ld + u] = sum_i queries[a * width + i] * (integer i of key u), exactly; even width.
void coarse_products(const std::int16_t* queries, std::size_t query_count, std::size_t width,
                     const std::int16_t* panel, std::size_t ld, std::int32_t* products);

/// Terms of a query: term u is 2^(factor products[u] - unit), u < n, within kCoarseRounding, relatively, of
/// what it is for an exponent within 2^-23 factor |product| of the true one. Where some |factor product| may
/// pass kCoarseExponent, terms are `far`: exponents are then within 2^-22 of the greatest |factor product|,
/// terms below 2^-kCoarseExponent count as about that, and the unit is near the greatest term. Else it is 0.
struct CoarseTerm {
  std::size_t n = 0;  ///< 0: this query is passed over
  float factor = 0.0f;
  bool far = false;
  float unit = 0.0f;  ///< an integer
  float most = 0.0f;  ///< the greatest term
  double sum = 0.0;
};
inline constexpr double kCoarseExponent = 117.0, kCoarseRounding = 0x1p-17;

/// Units, sums and greatest terms of `count` queries, from products[a * ld + u].
void coarse_sums(const std::int32_t* products, std::size_t ld, std::size_t count, CoarseTerm* queries);

/// Keys of a block at most.
inline constexpr std::size_t kMostCoarse = 256;

/// Writes the ascending u < n with term u >= threshold to `out`, and those terms; returns how many. `terms`
/// has room for 16 more than n.
std::size_t select_coarse(const std::int32_t* products, const CoarseTerm& query, float threshold,
                          std::uint32_t* out, float* terms);

/// Writes first + u for the ascending u < n with |products[u]| >= least to `out`; returns how many.
std::size_t select_far(const std::int32_t* products, std::size_t n, std::int32_t least, std::uint32_t first,
                       std::uint32_t* out);

}  // namespace heavykeys::detail
