#include "lib/svd_plant.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "heavykeys/error.hpp"
#include "heavykeys/projection.hpp"
#include "lib/plant_options.hpp"
#include "lib/singular_values.hpp"

namespace heavykeys::detail {

namespace {

/// Columns 0 .. rank - 1 of vectors [rows, count], each times the root of its singular value.
std::vector<double> rooted(const std::vector<double>& vectors, const SingularValues& svd, std::size_t rank) {
  const std::size_t count = svd.values.size(), rows = vectors.size() / count;
  std::vector<double> out(rows * rank);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t c = 0; c < rank; ++c)
      out[i * rank + c] = vectors[i * count + c] * std::sqrt(svd.values[c]);
  }
  return out;
}

std::vector<double> widened(const std::vector<double>& from, std::size_t rows, std::size_t rank,
                            std::size_t dim) {
  std::vector<double> out(rows * dim, 0.0);
  for (std::size_t i = 0; i < rows; ++i) std::copy_n(from.data() + i * rank, rank, out.data() + i * dim);
  return out;
}

}  // namespace

LogitFactors factorised(const SparsePattern& pattern, double logit) {
  if (pattern.columns > kMostPlantedElements / pattern.rows) {
    throw InvalidInput("pattern: the svd of " + std::to_string(pattern.rows) + " x " +
                       std::to_string(pattern.columns) + " logits; at most 2^28 can be factorised");
  }
  std::vector<double> b(pattern.rows * pattern.columns, 0.0), row;
  for (std::size_t i = 0; i < pattern.rows; ++i) {
    logits_of_row(pattern, i, logit, row);
    for (std::size_t e = 0; e < row.size(); ++e) {
      const auto j =
          static_cast<std::size_t>(pattern.indices[static_cast<std::size_t>(pattern.indptr[i]) + e]);
      b[i * pattern.columns + j] = row[e];
    }
  }
  const SingularValues svd = singular_values(b, pattern.rows, pattern.columns);
  const double least = svd.values[0] * static_cast<double>(std::max(pattern.rows, pattern.columns)) * 0x1p-52;
  const auto rank =
      static_cast<std::size_t>(std::ranges::count_if(svd.values, [&](double s) { return s > least; }));
  return {pattern.rows, pattern.columns, rank, rooted(svd.left, svd, rank), rooted(svd.right, svd, rank)};
}

void plant_by_svd(const LogitFactors& factors, Planted& planted) {
  const std::size_t r = planted.options.dim, rank = factors.rank;
  planted.rank = rank;
  planted.exact = r >= rank;
  if (planted.exact) {
    planted.queries = widened(factors.left, factors.rows, rank, r);
    planted.keys = widened(factors.right, factors.columns, rank, r);
    return;
  }
  const Projection p = Projection::gaussian(r, rank, planted.options.seed);
  planted.queries = apply(p, rows(factors.left.data(), factors.rows, rank));
  planted.keys = apply(p, rows(factors.right.data(), factors.columns, rank));
}

}  // namespace heavykeys::detail
