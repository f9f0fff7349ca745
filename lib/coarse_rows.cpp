#include "lib/coarse_rows.hpp"

#include <algorithm>
#include <cmath>

#include "lib/coarse_kernels.hpp"

namespace heavykeys::detail {

namespace {

constexpr double kUp = 1.0 + 0x1p-30;

/// Of a row times 2^exponent. No product of two such sizes leaves the range.
CoarseSize times(const CoarseSize& size, int exponent) {
  constexpr int kGreatest = 400;
  if (std::abs(exponent) > kGreatest) return {.usable = false};
  const double unit = std::ldexp(1.0, exponent);
  return {true, size.step * unit, size.norm * unit, size.residual * unit};
}

}  // namespace

double coarse_step(double norm, std::size_t dim, double greatest) {
  // Rounding moves a row by half a step an element at most.
  const double room = kCoarseNorm - 1.0 - 0.5 * std::sqrt(static_cast<double>(dim));
  return std::max(greatest / kCoarseTop, norm / room);
}

CoarseSize coarse_size(double step, double norm, double squares) {
  // Each difference has two roundings of the element, and the sum of squares some more.
  return {true, step, norm, std::sqrt(squares) * kUp + norm * 0x1p-48};
}

CoarseSize coarse_row(const double* row, std::size_t dim, double norm, double greatest, bool negative,
                      std::int16_t* out) {
  const double step = coarse_step(norm, dim, greatest), inverse = 1.0 / step;
  double squares = 0.0;
  for (std::size_t c = 0; c < dim; ++c) {
    const double integer = std::nearbyint(row[c] * inverse), rest = row[c] - integer * step;
    squares += rest * rest;
    out[c] = static_cast<std::int16_t>(negative ? -integer : integer);
  }
  return coarse_size(step, norm, squares);
}

void CoarseQueries::append(const QueryTile& tile, bool negative) {
  const std::size_t dim = tile.dim, first = size.size(), count = tile.norm.size();
  width = coarse_width(dim);
  size.reserve(first + count);
  values.resize((first + count) * width);
  for (std::size_t i = 0; i < count; ++i) {
    const CoarseSize own = coarse_row(tile.scaled.data() + i * dim, dim, tile.norm[i], 1.0, negative,
                                      values.data() + (first + i) * width);
    size.push_back(times(own, tile.exponent[i]));
  }
}

void CoarseKeys::load(const KeyBlock& block, std::size_t dim) {
  size.usable = block.common;
  if (!block.common) return;
  panel.resize(coarse_width(dim) * block.ld);
  squares_.resize(block.ld);
  const double norm = *std::ranges::max_element(block.norm), step = coarse_step(norm, dim, 1.0);
  coarse_columns(block.columns.data(), dim, block.ld, step, panel.data(), squares_.data());
  size = times(coarse_size(step, norm, *std::ranges::max_element(squares_)), block.top);
}

double coarse_error(const CoarseSize& q, const CoarseSize& k) {
  // q.k - q'.k' = q.(k - k') + (q - q').k', and ||k'|| <= ||k|| + ||k - k'||.
  return (q.norm * k.residual + q.residual * (k.norm + k.residual)) * kUp;
}

}  // namespace heavykeys::detail
