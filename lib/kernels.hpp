// The loops that are compiled once for each instruction set. Which one runs (heavykeys/isa.hpp) never
// changes a result: integers are exact, and the float64 products keep one operation order, unfused.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heavykeys::detail {

/// Columns of a panel of integers are padded with zeros to a multiple of this.
inline constexpr std::size_t kColumnTile = 16;
inline std::size_t padded(std::size_t dim) { return (dim + kColumnTile - 1) / kColumnTile * kColumnTile; }

/// top[c] = max_r |data[r * stride + c]|. False when an element is NaN or infinite.
bool column_maxima(const float* data, std::size_t rows, std::size_t dim, std::ptrdiff_t stride, float* top);

/// q = round_half_even(data * scale[column]).
void quantise_floats(const float* data, std::size_t rows, std::size_t dim, std::ptrdiff_t stride,
                     const float* scale, std::int32_t* q, std::size_t q_stride);

/// sums[i * width + j] += sum_r q_ri q_rj for j >= i (more of the square may be written).
/// q is [rows, width], width padded; |q| <= 2^grid_bits; rows <= 4096.
void gram_by_float64(const std::int32_t* q, std::size_t rows, std::size_t width, int grid_bits,
                     std::int64_t* sums);

/// out[r] = sum_c (q_rc * scale[c])^2 in float32, any order: relative error <= (width + 4) 2^-24.
void weighted_norms(const std::int32_t* q, std::size_t rows, std::size_t width, const float* scale,
                    float* out);

/// out[r] = || sum_c (q_rc * scale[c]) * matrix[c, :] ||^2 in float32, for the rows named in `index`.
/// norms[r] = sum_c (q_rc * scale[c])^2. matrix is [width, width].
void projected_norms(const std::int32_t* q, const std::uint32_t* index, std::size_t count, std::size_t width,
                     const float* scale, const float* matrix, float* out, float* norms);

/// The same for rows of floats that are scaled already; matrix is [width, columns], columns a multiple of
/// kColumnTile.
void projected_norms(const float* k, const std::uint32_t* index, std::size_t count, std::size_t width,
                     const float* matrix, std::size_t columns, float* out, float* norms);

/// x[a * ld + u] = sum_i query[a * dim + i] * keys[i * ld + u], i ascending, one rounding for each multiply
/// and each add: the same bits everywhere. keys is [dim, ld], ld a multiple of kColumnTile.
void dot_products(const double* queries, std::size_t query_count, std::size_t dim, const double* keys,
                  std::size_t ld, double* x);

/// Writes the ascending u < count with |x[u]| >= threshold to `out`; returns how many.
std::size_t select_at_least(const double* x, std::size_t count, double threshold, std::uint32_t* out);

}  // namespace heavykeys::detail
