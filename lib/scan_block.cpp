#include "lib/scan_block.hpp"

#include <algorithm>
#include <cmath>

#include "lib/dtype.hpp"
#include "lib/kernels.hpp"

namespace heavykeys::detail {

namespace {

/// Exponents of the keys of a block may differ by this and still share one: no element of ordinary keys is
/// then anywhere near underflow, and their products have one unit.
constexpr int kCommonRange = 100;

/// Scaled rows that become columns together: a cache line of each. One by one, their elements would lie a
/// power of two apart, where a cache holds few of them.
constexpr std::size_t kTogether = 8;

struct RowSize {
  double norm = 0.0;
  bool wide = false;
};

/// out = 2^-exponent row.
RowSize scale_row(const double* row, std::size_t dim, int exponent, double* out) {
  RowSize size;
  double squares = 0.0;
  // Multiplication is much faster than ldexp; both are exact, or wide.
  const bool plain = std::abs(exponent) < 1000;
  const double factor = plain ? std::ldexp(1.0, -exponent) : 0.0;
  for (std::size_t i = 0; i < dim; ++i) {
    const double x = plain ? row[i] * factor : std::ldexp(row[i], -exponent);
    out[i] = x;
    squares += x * x;
    size.wide = size.wide || (row[i] != 0.0 && std::fabs(x) < kWideRow);
  }
  if (squares > 0.0 || size.wide) size.norm = std::sqrt(squares) * (1.0 + 0x1p-30) + kWideRow;
  return size;
}

}  // namespace

int row_exponent(const double* row, std::size_t dim) {
  double top = 0.0;
  for (std::size_t i = 0; i < dim; ++i) top = std::max(top, std::fabs(row[i]));
  return top == 0.0 ? kZeroRow : std::ilogb(top) + 1;
}

void KeyBlock::load(const Rows& keys) {
  first_id = keys.first_id;
  count = keys.count;
  ld = padded(keys.count);
  raw.resize(keys.count * keys.dim);
  columns.resize(keys.dim * ld);
  scaled_.resize(kTogether * keys.dim);
  exponent.resize(keys.count);
  norm.assign(ld, 0.0);
  wide.assign(keys.count, false);
  top = 0;
  const std::size_t d = keys.dim;
  int low = 0;
  bool any = false;
  for (std::size_t u = 0; u < count; ++u) {
    double* row = raw.data() + u * d;
    read_row(keys, u, row);
    exponent[u] = row_exponent(row, d);
    if (exponent[u] == kZeroRow) {
      exponent[u] = 0;
      continue;
    }
    top = any ? std::max(top, exponent[u]) : exponent[u];
    low = any ? std::min(low, exponent[u]) : exponent[u];
    any = true;
  }
  common = top - low <= kCommonRange;
  static_assert(kColumnTile % kTogether == 0);
  for (std::size_t first = 0; first < ld; first += kTogether) scale_columns(first, d);
}

/// Columns [first, first + kTogether): those of keys, and zeros.
void KeyBlock::scale_columns(std::size_t first, std::size_t d) {
  std::fill(scaled_.begin(), scaled_.end(), 0.0);
  for (std::size_t u = first; u < std::min(first + kTogether, count); ++u) {
    if (common) exponent[u] = top;
    const RowSize size = scale_row(raw.data() + u * d, d, exponent[u], scaled_.data() + (u - first) * d);
    norm[u] = size.norm;
    wide[u] = size.wide;
  }
  for (std::size_t i = 0; i < d; ++i) {
    double* column = columns.data() + i * ld + first;
    for (std::size_t r = 0; r < kTogether; ++r) column[r] = scaled_[r * d + i];
  }
}

void QueryTile::load(const Rows& queries) {
  dim = queries.dim;
  raw.resize(queries.count * dim);
  scaled.resize(queries.count * dim);
  exponent.clear();
  norm.clear();
  wide.clear();
  for (std::size_t i = 0; i < queries.count; ++i) {
    double* row = raw.data() + i * dim;
    read_row(queries, i, row);
    exponent.push_back(std::max(row_exponent(row, dim), -2000));
    const RowSize size = scale_row(row, dim, exponent.back(), scaled.data() + i * dim);
    norm.push_back(size.norm);
    wide.push_back(size.wide);
  }
}

Dyadic exact_product(const double* q, const double* k, std::size_t dim) {
  Dyadic sum;
  for (std::size_t i = 0; i < dim; ++i) {
    if (q[i] != 0.0 && k[i] != 0.0) sum = sum + Dyadic(q[i]) * Dyadic(k[i]);
  }
  return sum;
}

}  // namespace heavykeys::detail
