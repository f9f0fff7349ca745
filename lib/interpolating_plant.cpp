#include "lib/interpolating_plant.hpp"

#include <cmath>
#include <string>

#include "heavykeys/error.hpp"
#include "heavykeys/projection.hpp"
#include "lib/plant_options.hpp"

namespace heavykeys::detail {

namespace {

double dot(const double* a, const double* b, std::size_t n) {
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

/// The least-norm x with Y x = b, Y the keys of one row's support: x = Y^T (Y Y^T)^{-1} b.
class Interpolation {
 public:
  Interpolation(const std::vector<double>& keys, std::size_t dim) : keys_(keys), dim_(dim) {}

  /// The keys `columns[0 .. count - 1]`. False when they are dependent, up to rounding.
  bool factor(const std::int64_t* columns, std::size_t count) {
    rows_.resize(count);
    for (std::size_t a = 0; a < count; ++a)
      rows_[a] = keys_.data() + static_cast<std::size_t>(columns[a]) * dim_;
    lower_.assign(count * count, 0.0);
    for (std::size_t a = 0; a < count; ++a) {
      for (std::size_t b = 0; b <= a; ++b) {
        const double g = dot(rows_[a], rows_[b], dim_);
        const double rest = g - dot(row(a), row(b), b);
        if (b < a) {
          row(a)[b] = rest / row(b)[b];
        } else if (rest > g * 0x1p-40) {
          row(a)[a] = std::sqrt(rest);
        } else {
          return false;
        }
      }
    }
    return true;
  }

  /// x, improved once by its own residual.
  void solve(const std::vector<double>& b, double* x) {
    std::fill_n(x, dim_, 0.0);
    for (int pass = 0; pass < 2; ++pass) {
      residual_.resize(b.size());
      for (std::size_t a = 0; a < b.size(); ++a) residual_[a] = b[a] - dot(rows_[a], x, dim_);
      solve_gram(residual_);
      for (std::size_t a = 0; a < b.size(); ++a) {
        for (std::size_t c = 0; c < dim_; ++c) x[c] += residual_[a] * rows_[a][c];
      }
    }
  }

 private:
  double* row(std::size_t a) { return lower_.data() + a * rows_.size(); }

  void solve_gram(std::vector<double>& v) {
    const std::size_t n = v.size();
    for (std::size_t a = 0; a < n; ++a) v[a] = (v[a] - dot(row(a), v.data(), a)) / row(a)[a];
    for (std::size_t a = n; a-- > 0;) {
      double sum = v[a];
      for (std::size_t b = a + 1; b < n; ++b) sum -= row(b)[a] * v[b];
      v[a] = sum / row(a)[a];
    }
  }

  const std::vector<double>& keys_;
  std::size_t dim_;
  std::vector<const double*> rows_;
  std::vector<double> lower_;  // Cholesky factor of Y Y^T, [count, count]
  std::vector<double> residual_;
};

}  // namespace

void plant_by_interpolation(const SparsePattern& pattern, Planted& planted) {
  const std::size_t r = planted.options.dim;
  // Key j is column j of a Gaussian projection: independent elements of variance 1 / r.
  const Projection p = Projection::gaussian(r, pattern.columns, planted.options.seed);
  planted.keys.resize(pattern.columns * r);
  for (std::size_t j = 0; j < pattern.columns; ++j) {
    for (std::size_t c = 0; c < r; ++c) planted.keys[j * r + c] = heavykeys::element(p, c, j);
  }
  planted.queries.resize(pattern.rows * r);
  Interpolation rows(planted.keys, r);
  std::vector<double> b;
  for (std::size_t i = 0; i < pattern.rows; ++i) {
    logits_of_row(pattern, i, planted.options.logit, b);
    if (b.size() > r || !rows.factor(pattern.indices.data() + pattern.indptr[i], b.size())) {
      throw InvalidInput("pattern: row " + std::to_string(i) + " has " + std::to_string(b.size()) +
                         " entries; they cannot be interpolated in dimension " + std::to_string(r));
    }
    rows.solve(b, planted.queries.data() + i * r);
  }
}

}  // namespace heavykeys::detail
