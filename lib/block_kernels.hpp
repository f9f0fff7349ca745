// The loops that bring rows into the blocks of a scan: compiled once for each instruction set, the same bits
// from all.
#pragma once

#include <cstddef>

namespace heavykeys::detail {

/// Rows that are scaled together: as columns they fill a cache line.
inline constexpr std::size_t kRowsTogether = 8;

/// max_i |row[i]|, 0 for none.
double row_top(const double* row, std::size_t dim);

/// to[i] = from[i], exactly.
void widen_floats(const float* from, std::size_t n, double* to);

/// Row r of [kRowsTogether, dim] times near[r] times rest[r], as a column: columns[i * ld + r]. squares[r] is
/// the sum of their squares, i ascending; wide[r] becomes true where an element that is not zero ends below
/// `least`.
void scale_columns(const double* const* rows, std::size_t dim, const double* near, const double* rest,
                   double least, double* columns, std::size_t ld, double* squares, bool* wide);

/// out[f] = sum_i a[f][i] * b[f][i]: eight sums side by side, i ascending, unfused; then their halves, and so
/// on.
void pair_products(const double* const* a, const double* const* b, std::size_t count, std::size_t dim,
                   double* out);

}  // namespace heavykeys::detail
