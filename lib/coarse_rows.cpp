#include "lib/coarse_rows.hpp"

#include <algorithm>
#include <cmath>

#include "lib/coarse_kernels.hpp"

namespace heavykeys::detail {

namespace {

constexpr double kUp = 1.0 + 0x1p-30;

/// The step for rows of |elements| < 1 and 2-norms up to `norm`: their integers stay below kCoarseTop and
/// kCoarseNorm. Rounding moves a row by half a step an element at most.
double step_for(double norm, std::size_t dim) {
  const double room = kCoarseNorm - 1.0 - 0.5 * std::sqrt(static_cast<double>(dim));
  return std::max(1.0 / kCoarseTop, norm / room);
}

/// An upper bound of the residual whose square was computed: each difference has two roundings of the
/// element, and the sum of squares some more.
double residual_of(double squares, double norm) { return std::sqrt(squares) * kUp + norm * 0x1p-48; }

/// For a row times 2^-exponent that has this step, norm and sum of squared residuals. No product of two such
/// sizes leaves the range.
CoarseSize size_of(int exponent, double step, double norm, double squares) {
  constexpr int kGreatest = 400;
  if (std::abs(exponent) > kGreatest) return {.usable = false};
  const double unit = std::ldexp(1.0, exponent);
  return {true, step * unit, norm * unit, residual_of(squares, norm) * unit};
}

}  // namespace

void CoarseQueries::append(const QueryTile& tile, bool negative) {
  const std::size_t dim = tile.dim, first = size.size(), count = tile.norm.size();
  width = coarse_width(dim);
  size.reserve(first + count);
  values.resize((first + count) * width);
  for (std::size_t i = 0; i < count; ++i) {
    const double* row = tile.scaled.data() + i * dim;
    const double step = step_for(tile.norm[i], dim), inverse = 1.0 / step;
    double squares = 0.0;
    for (std::size_t c = 0; c < dim; ++c) {
      const double integer = std::nearbyint(row[c] * inverse), rest = row[c] - integer * step;
      squares += rest * rest;
      values[(first + i) * width + c] = static_cast<std::int16_t>(negative ? -integer : integer);
    }
    size.push_back(size_of(tile.exponent[i], step, tile.norm[i], squares));
  }
}

void CoarseKeys::load(const KeyBlock& block, std::size_t dim) {
  size.usable = block.common;
  if (!block.common) return;
  panel.resize(coarse_width(dim) * block.ld);
  squares_.resize(block.ld);
  const double norm = *std::ranges::max_element(block.norm), step = step_for(norm, dim);
  coarse_columns(block.columns.data(), dim, block.ld, step, panel.data(), squares_.data());
  size = size_of(block.top, step, norm, *std::ranges::max_element(squares_));
}

double coarse_error(const CoarseSize& q, const CoarseSize& k) {
  // q.k - q'.k' = q.(k - k') + (q - q').k', and ||k'|| <= ||k|| + ||k - k'||.
  return (q.norm * k.residual + q.residual * (k.norm + k.residual)) * kUp;
}

}  // namespace heavykeys::detail
