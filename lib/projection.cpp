#include "heavykeys/projection.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/aligned.hpp"
#include "lib/counter_random.hpp"
#include "lib/float_environment.hpp"
#include "lib/kernels.hpp"
#include "lib/portable_math.hpp"
#include "lib/read_rows.hpp"
#include "lib/text.hpp"

namespace heavykeys {

namespace {

using detail::derived_seed;
using detail::Purpose;
using detail::random_bits;

/// Normal, variance 1, at position (i, j): the quantile of the middle of one of 2^52 equal cells of (0, 1),
/// so its distribution is the normal one up to the size of the cells.
double normal(std::uint64_t key, std::size_t i, std::size_t j) {
  const std::uint64_t cell = random_bits(key, j, i).low >> 12;
  return detail::normal_quantile(static_cast<double>(2 * cell + 1) * 0x1p-53);
}

/// Where a column is not zero in one band, and its sign there.
struct Entry {
  std::size_t row = 0;
  double sign = 1.0;
};

Entry entry(const Projection& p, std::uint64_t key, std::size_t band, std::size_t column) {
  const detail::RandomBits bits = random_bits(key, column, band);
  const std::uint64_t size = p.rows / p.nonzeros;
  // The high half of a product: even up to size / 2^64.
  const auto at = static_cast<std::uint64_t>((static_cast<unsigned __int128>(bits.low) * size) >> 64);
  return {band * size + at, (bits.high & 1) != 0 ? -1.0 : 1.0};
}

void require(bool condition, const std::string& what) {
  if (!condition) throw InvalidInput(what);
}

void validate(const Projection& p) {
  require(p.rows >= 1 && p.columns >= 1, "a projection of " + std::to_string(p.rows) + " rows and " +
                                             std::to_string(p.columns) + " columns");
  if (p.kind == Projection::Kind::sparse_sign) {
    require(p.nonzeros >= 1 && p.rows % p.nonzeros == 0,
            std::to_string(p.nonzeros) + " nonzeros do not divide " + std::to_string(p.rows) + " rows");
  }
}

std::uint64_t key_of(const Projection& p) {
  const bool gaussian = p.kind == Projection::Kind::gaussian;
  return derived_seed(p.seed, gaussian ? Purpose::gaussian_projection : Purpose::sparse_projection);
}

void apply_gaussian(const Projection& p, const Rows& rows, std::vector<double>& out) {
  constexpr std::size_t kPanel = 256;
  const std::uint64_t key = key_of(p);
  const std::size_t ld = detail::padded(p.rows);
  const double scale = 1.0 / std::sqrt(static_cast<double>(p.rows));
  detail::AlignedVector<double> transposed(p.columns * ld);
  for (std::size_t j = 0; j < p.columns; ++j) {
    for (std::size_t i = 0; i < p.rows; ++i) transposed[j * ld + i] = scale * normal(key, i, j);
  }
  std::vector<double> panel(kPanel * p.columns);
  detail::AlignedVector<double> image(kPanel * ld);
  for (std::size_t first = 0; first < rows.count; first += kPanel) {
    const std::size_t count = std::min(kPanel, rows.count - first);
    for (std::size_t r = 0; r < count; ++r) detail::read_row(rows, first + r, panel.data() + r * p.columns);
    detail::dot_products(panel.data(), count, p.columns, transposed.data(), ld, image.data());
    for (std::size_t r = 0; r < count; ++r)
      std::copy_n(image.data() + r * ld, p.rows, out.data() + (first + r) * p.rows);
  }
}

void apply_sparse(const Projection& p, const Rows& rows, std::vector<double>& out) {
  const std::uint64_t key = key_of(p);
  std::vector<Entry> entries;
  entries.reserve(p.columns * p.nonzeros);
  for (std::size_t j = 0; j < p.columns; ++j) {
    for (std::size_t band = 0; band < p.nonzeros; ++band) entries.push_back(entry(p, key, band, j));
  }
  const double scale = 1.0 / std::sqrt(static_cast<double>(p.nonzeros));
  std::vector<double> row(p.columns);
  for (std::size_t r = 0; r < rows.count; ++r) {
    detail::read_row(rows, r, row.data());
    double* image = out.data() + r * p.rows;
    const Entry* e = entries.data();
    for (std::size_t j = 0; j < p.columns; ++j) {
      for (std::size_t band = 0; band < p.nonzeros; ++band, ++e) image[e->row] += e->sign * row[j];
    }
    for (std::size_t i = 0; i < p.rows; ++i) image[i] *= scale;
  }
}

}  // namespace

Projection Projection::gaussian(std::size_t rows, std::size_t columns, std::uint64_t seed) {
  const Projection p{Kind::gaussian, rows, columns, seed, 0};
  validate(p);
  return p;
}

Projection Projection::sparse_sign(std::size_t rows, std::size_t columns, std::size_t nonzeros,
                                   std::uint64_t seed) {
  const Projection p{Kind::sparse_sign, rows, columns, seed, nonzeros};
  validate(p);
  return p;
}

double element(const Projection& projection, std::size_t i, std::size_t j) {
  const detail::FloatEnvironment ieee;
  validate(projection);
  require(i < projection.rows && j < projection.columns, "element (" + std::to_string(i) + ", " +
                                                             std::to_string(j) + ") of a projection of " +
                                                             std::to_string(projection.rows) + " rows and " +
                                                             std::to_string(projection.columns) + " columns");
  const std::uint64_t key = key_of(projection);
  if (projection.kind == Projection::Kind::gaussian)
    return 1.0 / std::sqrt(static_cast<double>(projection.rows)) * normal(key, i, j);
  const Entry e = entry(projection, key, i / (projection.rows / projection.nonzeros), j);
  return e.row == i ? e.sign / std::sqrt(static_cast<double>(projection.nonzeros)) : 0.0;
}

std::vector<double> apply(const Projection& projection, const Rows& rows) {
  const detail::FloatEnvironment ieee;
  validate(projection);
  require(rows.dim == projection.columns, "rows have " + std::to_string(rows.dim) +
                                              " columns; the projection has " +
                                              std::to_string(projection.columns));
  detail::require_finite(rows);
  std::vector<double> out(rows.count * projection.rows, 0.0);
  if (projection.kind == Projection::Kind::gaussian) {
    apply_gaussian(projection, rows, out);
  } else {
    apply_sparse(projection, rows, out);
  }
  return out;
}

std::size_t rows_needed(Projection::Kind kind, double distortion, double failure) {
  const detail::FloatEnvironment ieee;
  require(distortion > 0.0 && distortion < 1.0,
          "distortion is " + detail::shortest(distortion) + "; it must lie in (0, 1)");
  require(failure > 0.0 && failure < 1.0,
          "failure is " + detail::shortest(failure) + "; it must lie in (0, 1)");
  // Rounded up by a margin for the rounding of the formula.
  double rows = 2.0 / (distortion * distortion * failure);
  if (kind == Projection::Kind::gaussian) {
    // distortion - ln(1 + distortion), by its series where the difference would cancel.
    double rate = distortion - detail::portable_log(1.0 + distortion);
    if (distortion < 0x1p-10) rate = distortion * distortion * (0.5 - distortion / 3.0);
    rows = 2.0 * detail::portable_log(2.0 / failure) / rate;
  }
  require(rows < 0x1p62, "a projection would need 2^62 rows");
  return static_cast<std::size_t>(std::ceil(rows * (1.0 + 1e-9)));
}

}  // namespace heavykeys
