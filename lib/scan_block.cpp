#include "lib/scan_block.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "lib/block_kernels.hpp"
#include "lib/kernels.hpp"
#include "lib/read_rows.hpp"

namespace heavykeys::detail {

namespace {

/// Exponents of the keys of a block may differ by this and still share one: no element of ordinary keys is
/// then anywhere near underflow, and their products have one unit.
constexpr int kCommonRange = 100;

constexpr std::size_t kTogether = kRowsTogether;

struct RowGroup {
  /// A group of nothing: every row is `zeros`.
  explicit RowGroup(const double* zeros) { from.fill(zeros); }
  void set(std::size_t r, const double* row, int exponent) {
    from[r] = row;
    // 2^-exponent, in two factors where one would leave the range. Products are exact, or wide: rounded once,
    // as of what the first of two factors makes subnormal the second leaves nothing.
    const int first = std::abs(exponent) < 1000 ? -exponent : -exponent / 2;
    near[r] = std::ldexp(1.0, first);
    rest[r] = std::ldexp(1.0, -exponent - first);
  }

  std::array<const double*, kTogether> from = {};
  std::array<double, kTogether> near = {1, 1, 1, 1, 1, 1, 1, 1}, rest = near;
};

struct RowSizes {
  std::array<double, kTogether> norm = {};
  std::array<bool, kTogether> wide = {};
};

/// From the squares of its scaled elements.
double norm_of(double squares, bool wide) {
  return squares > 0.0 || wide ? std::sqrt(squares) * (1.0 + 0x1p-30) + kWideRow : 0.0;
}

/// out[r * dim + i] = 2^-exponent[r] from[r][i].
RowSizes scale_rows(const RowGroup& rows, std::size_t dim, double* out) {
  RowSizes size;
  for (std::size_t r = 0; r < kTogether; ++r) {
    double squares = 0.0;
    for (std::size_t i = 0; i < dim; ++i) {
      const double element = rows.from[r][i], x = element * rows.near[r] * rows.rest[r];
      out[r * dim + i] = x;
      squares += x * x;
      size.wide[r] |= element != 0.0 && std::fabs(x) < kWideRow;
    }
    size.norm[r] = norm_of(squares, size.wide[r]);
  }
  return size;
}

}  // namespace

int row_exponent(const double* row, std::size_t dim) {
  const double top = row_top(row, dim);
  return top == 0.0 ? kZeroRow : std::ilogb(top) + 1;
}

void KeyBlock::load(const Rows& keys) {
  first_id = keys.first_id;
  count = keys.count;
  ld = padded(keys.count);
  raw.resize(keys.count * keys.dim);
  columns.resize(keys.dim * ld);
  zeros_.resize(keys.dim);
  exponent.resize(keys.count);
  norm.assign(ld, 0.0);
  wide.assign(keys.count, false);
  top = 0;
  const std::size_t d = keys.dim;
  int low = 0;
  bool any = false;
  for (std::size_t u = 0; u < count; ++u) read_row(keys, u, raw.data() + u * d);
  for (std::size_t u = 0; u < count; ++u) {  // apart: what was just written cannot yet be read in whole vectors
    exponent[u] = row_exponent(raw.data() + u * d, d);
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
  const std::size_t end = std::min(first + kTogether, count);
  RowGroup rows(zeros_.data());
  for (std::size_t u = first; u < end; ++u) {
    if (common) exponent[u] = top;
    rows.set(u - first, raw.data() + u * d, exponent[u]);
  }
  std::array<double, kTogether> squares = {};
  std::array<bool, kTogether> wides = {};
  detail::scale_columns(rows.from.data(), d, rows.near.data(), rows.rest.data(), kWideRow,
                        columns.data() + first, ld, squares.data(), wides.data());
  for (std::size_t u = first; u < end; ++u) {
    wide[u] = wides[u - first];
    norm[u] = norm_of(squares[u - first], wide[u]);
  }
}

void QueryTile::load(const Rows& queries) {
  dim = queries.dim;
  raw.resize(queries.count * dim);
  scaled.resize((queries.count + kTogether - 1) / kTogether * kTogether * dim);
  exponent.clear();
  norm.clear();
  wide.clear();
  const std::vector<double> zeros(dim);
  for (std::size_t first = 0; first < queries.count; first += kTogether) {
    RowGroup rows(zeros.data());
    const std::size_t some = std::min(kTogether, queries.count - first);
    for (std::size_t r = 0; r < some; ++r) {
      double* row = raw.data() + (first + r) * dim;
      read_row(queries, first + r, row);
      exponent.push_back(std::max(row_exponent(row, dim), -2000));
      rows.set(r, row, exponent.back());
    }
    const RowSizes size = scale_rows(rows, dim, scaled.data() + first * dim);
    norm.insert(norm.end(), size.norm.begin(), size.norm.begin() + static_cast<std::ptrdiff_t>(some));
    wide.insert(wide.end(), size.wide.begin(), size.wide.begin() + static_cast<std::ptrdiff_t>(some));
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
