#include "heavykeys/score_matrix.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/aligned.hpp"
#include "lib/float_environment.hpp"
#include "lib/kernels.hpp"
#include "lib/portable_math.hpp"
#include "lib/read_rows.hpp"

namespace heavykeys {

namespace {

void check(const Rows& queries, const Rows& keys, const ScoreMatrixOptions& options) {
  if (queries.dim != keys.dim || keys.dim == 0) {
    throw InvalidInput("queries have " + std::to_string(queries.dim) + " columns, keys " +
                       std::to_string(keys.dim));
  }
  if (!std::isfinite(options.scale)) throw InvalidInput("scale is not finite");
  if (options.causal && queries.count > keys.count) {
    throw InvalidInput("causal scores of " + std::to_string(queries.count) + " queries and only " +
                       std::to_string(keys.count) + " keys");
  }
  detail::require_finite(queries);
  detail::require_finite(keys);
}

/// Keys as columns, padded: what dot_products reads.
detail::AlignedVector<double> transposed(const Rows& keys, std::size_t width) {
  detail::AlignedVector<double> out(keys.dim * width);
  std::vector<double> row(keys.dim);
  for (std::size_t j = 0; j < keys.count; ++j) {
    detail::read_row(keys, j, row.data());
    for (std::size_t c = 0; c < keys.dim; ++c) out[c * width + j] = row[c];
  }
  return out;
}

/// The first `seen` of n scores become weights; the rest of them 0.
void normalise(double* x, std::size_t seen, std::size_t n) {
  const double top = *std::max_element(x, x + seen);
  double sum = 0.0;
  for (std::size_t j = 0; j < seen; ++j) sum += x[j] = detail::portable_exp(x[j] - top);
  for (std::size_t j = 0; j < seen; ++j) x[j] /= sum;
  std::fill(x + seen, x + n, 0.0);
}

}  // namespace

std::vector<double> score_matrix(const Rows& queries, const Rows& keys, const ScoreMatrixOptions& options) {
  const detail::FloatEnvironment ieee;
  check(queries, keys, options);
  constexpr std::size_t kPanel = 64;  // queries at once
  const std::size_t m = queries.count, n = keys.count, width = detail::padded(n);
  const double scale = options.scale != 0.0 ? options.scale : 1.0 / std::sqrt(static_cast<double>(keys.dim));
  const detail::AlignedVector<double> columns = transposed(keys, width);
  std::vector<double> out(m * n), panel(kPanel * keys.dim);
  detail::AlignedVector<double> products(kPanel * width);
  for (std::size_t first = 0; first < m && n > 0; first += kPanel) {
    const std::size_t count = std::min(kPanel, m - first);
    for (std::size_t i = 0; i < count; ++i) detail::read_row(queries, first + i, panel.data() + i * keys.dim);
    detail::dot_products(panel.data(), count, keys.dim, columns.data(), width, products.data());
    for (std::size_t i = 0; i < count; ++i) {
      double* x = out.data() + (first + i) * n;
      for (std::size_t j = 0; j < n; ++j) {
        x[j] = scale * products[i * width + j];
        if (!std::isfinite(x[j])) {
          throw InvalidInput("the score of query " + std::to_string(first + i) + " and key " +
                             std::to_string(j) + " leaves the range of float64");
        }
      }
      if (options.normalisation == Normalisation::none) continue;
      normalise(x, options.causal ? n - m + first + i + 1 : n, n);
    }
  }
  return out;
}

}  // namespace heavykeys
