// Loops of dense linear algebra that are compiled once for each instruction set, as those of kernels.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/double_double.hpp"

namespace heavykeys::detail {

/// Columns of a matrix, packed [strips, rows, kStrip] doubles that hold integers.
inline constexpr std::size_t kStrip = 32;
struct Strips {
  const double* data = nullptr;
  std::size_t count = 0;
};

/// sums[i * width + j] += sum_r left_ri right_rj for all i (with `upper`: for i <= j), width = right.count *
/// kStrip. The integers are <= 2^grid_bits; rows <= 4096. Made for widths of thousands: sums are touched once
/// a call.
void strip_products(Strips left, Strips right, std::size_t rows, int grid_bits, bool upper,
                    std::int64_t* sums);

/// a[i] -= factor * b[i], two roundings (in double-double its own): the same bits everywhere.
void subtract_multiple(double* a, const double* b, double factor, std::size_t n);
void subtract_multiple(DoubleDouble* a, const DoubleDouble* b, DoubleDouble factor, std::size_t n);

/// Solves L y = w for kSolved right sides at once, w and y [n, kSolved] in place, L [n, n] row-major lower.
/// y_i = (w_i - L_i0 y_0 - L_i1 y_1 ...) / L_ii in that order, unfused: the same bits everywhere.
inline constexpr std::size_t kSolved = 16;
void solve_lower(const double* l, std::size_t n, double* w);
void solve_lower(const DoubleDouble* l, std::size_t n, DoubleDouble* w);

/// True when symmetric elimination of a [n, stride] finds only positive pivots; the upper triangle is read
/// and overwritten. Then a + E is positive definite for some |E_ij| <= 2 (n + 2) 2^-53 sqrt(a_ii a_jj).
bool eliminates_positively(double* a, std::size_t n, std::size_t stride);

}  // namespace heavykeys::detail
