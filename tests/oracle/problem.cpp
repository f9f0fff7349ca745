// Gram, rank, leverage and heavy entries in whole numbers.
//
// Rank-deficient leverage: let B be columns that span the column space of K. Then {K y} = {K_B z}, so
// sup_y (y.k_j)^2 / |K y|^2 = sup_z (z.k_jB)^2 / (z^T G_BB z) = k_jB^T (G_BB)^-1 k_jB.
#include <algorithm>
#include <limits>
#include <stdexcept>

#include "oracle.hpp"

namespace oracle {

// Fraction-free elimination (Bareiss). In a positive semidefinite matrix a zero pivot means that the
// whole row and column of the Schur complement are zero, so such a column depends on those before it.
std::vector<std::size_t> column_basis(std::vector<Int> a, std::size_t d) {
  std::vector<std::size_t> basis;
  Int previous = 1;
  for (std::size_t k = 0; k < d; ++k) {
    const Int pivot = a[k * d + k];
    if (pivot == 0) continue;
    basis.push_back(k);
    for (std::size_t i = k + 1; i < d; ++i) {
      for (std::size_t j = k + 1; j < d; ++j) {
        a[i * d + j] = (pivot * a[i * d + j] - a[i * d + k] * a[k * d + j]) / previous;
      }
    }
    previous = pivot;
  }
  return basis;
}

// Fraction-free Gauss-Jordan on [a | 1]: ends as [det * 1 | adjugate].
Int invert(std::vector<Int>& a, std::size_t r) {
  const std::size_t w = 2 * r;
  std::vector<Int> m(r * w, Int(0));
  for (std::size_t i = 0; i < r; ++i) {
    for (std::size_t j = 0; j < r; ++j) m[i * w + j] = a[i * r + j];
    m[i * w + r + i] = 1;
  }
  Int previous = 1;
  for (std::size_t k = 0; k < r; ++k) {
    const Int pivot = m[k * w + k];
    for (std::size_t i = 0; i < r; ++i) {
      if (i == k) continue;
      const Int factor = m[i * w + k];
      for (std::size_t j = 0; j < w; ++j) {
        m[i * w + j] = (pivot * m[i * w + j] - factor * m[k * w + j]) / previous;
      }
    }
    previous = pivot;
  }
  for (std::size_t i = 0; i < r; ++i) {
    for (std::size_t j = 0; j < r; ++j) a[i * r + j] = m[i * w + r + j];
  }
  return previous;
}

Problem::Problem(const std::vector<double>& gridded, std::size_t n, std::size_t d)
    : n_(n), d_(d), scale_(d, 0), rows_(n * d, Int(0)), gram_(d * d, Int(0)), leverage_(n) {
  if (gridded.size() != n * d) throw std::logic_error("oracle: shape");
  for (std::size_t c = 0; c < d; ++c) {
    int least = std::numeric_limits<int>::max();
    for (std::size_t j = 0; j < n; ++j) {
      if (gridded[j * d + c] != 0) least = std::min(least, dyadic(gridded[j * d + c]).exponent);
    }
    if (least == std::numeric_limits<int>::max()) continue;
    scale_[c] = least;
    for (std::size_t j = 0; j < n; ++j) {
      const Dyadic v = dyadic(gridded[j * d + c]);
      if (v.mantissa != 0) rows_[j * d + c] = Int(v.mantissa) << (v.exponent - least);
    }
  }
  for (std::size_t a = 0; a < d; ++a) {
    for (std::size_t b = a; b < d; ++b) {
      Int sum = 0;
      for (std::size_t j = 0; j < n; ++j) sum += rows_[j * d + a] * rows_[j * d + b];
      gram_[a * d + b] = gram_[b * d + a] = sum;
    }
  }
  basis_ = column_basis(gram_, d);
  const std::size_t r = basis_.size();
  adjugate_.resize(r * r);
  for (std::size_t a = 0; a < r; ++a) {
    for (std::size_t b = 0; b < r; ++b) adjugate_[a * r + b] = gram_[basis_[a] * d + basis_[b]];
  }
  determinant_ = invert(adjugate_, r);
  for (std::size_t j = 0; j < n; ++j) {
    Int sum = 0;
    for (std::size_t a = 0; a < r; ++a) {
      Int inner = adjugate_[a * r + a] * rows_[j * d + basis_[a]];
      for (std::size_t b = 0; b < a; ++b) inner += 2 * (adjugate_[a * r + b] * rows_[j * d + basis_[b]]);
      sum += inner * rows_[j * d + basis_[a]];
    }
    leverage_[j] = {sum, determinant_};
  }
}

std::vector<std::size_t> Problem::universal(double epsilon) const {
  const Fraction e = exactly(epsilon);
  std::vector<std::size_t> members;
  for (std::size_t j = 0; j < n_; ++j) {
    if (leverage_[j].num * e.den >= e.num * leverage_[j].den) members.push_back(j);
  }
  return members;
}

Problem::Heavy Problem::heavy(const double* query, double epsilon, std::size_t visible) const {
  // q.k = sum_c q_c 2^scale_c rows_c: make q_c 2^scale_c whole by one common power of two.
  int least = std::numeric_limits<int>::max();
  for (std::size_t c = 0; c < d_; ++c) {
    if (query[c] != 0) least = std::min(least, dyadic(query[c]).exponent + scale_[c]);
  }
  std::vector<Int> q(d_, Int(0));
  for (std::size_t c = 0; c < d_; ++c) {
    const Dyadic v = dyadic(query[c]);
    if (v.mantissa != 0) q[c] = Int(v.mantissa) << (v.exponent + scale_[c] - least);
  }
  std::vector<Int> square(visible);
  Int total = 0;
  for (std::size_t j = 0; j < visible; ++j) {
    Int dot = 0;
    for (std::size_t c = 0; c < d_; ++c) {
      if (q[c] != 0 && rows_[j * d_ + c] != 0) dot += q[c] * rows_[j * d_ + c];
    }
    square[j] = dot * dot;
    total += square[j];
  }
  Heavy heavy;
  if (total == 0) return heavy;
  const Fraction e = exactly(epsilon);
  const Int bar = e.num * total;
  for (std::size_t j = 0; j < visible; ++j) {
    if (square[j] * e.den < bar) continue;
    heavy.keys.push_back(j);
    heavy.weights.push_back({square[j], total});
  }
  return heavy;
}

// The smallest whole vector of this direction where that has 53 bits, else its leading bits; then a power of
// two.
std::vector<double> Problem::rounded(std::vector<Int> scaled) const {
  Int common = 0;
  for (const Int& x : scaled) common = gcd(common, x);
  for (Int& x : scaled) x = common == 0 ? x : Int(x / common);
  int top = std::numeric_limits<int>::min();
  for (std::size_t c = 0; c < d_; ++c) {
    if (scaled[c] != 0) top = std::max(top, static_cast<int>(msb(Int(abs(scaled[c])))) - scale_[c]);
  }
  std::vector<double> q(d_, 0.0);
  for (std::size_t c = 0; c < d_; ++c) {
    if (scaled[c] == 0) continue;
    const int drop = std::max(0, static_cast<int>(msb(Int(abs(scaled[c])))) - 61);
    const Int head = abs(scaled[c]) >> drop;
    const double size = static_cast<double>(static_cast<std::int64_t>(head));
    q[c] = std::ldexp(scaled[c] < 0 ? -size : size, drop - scale_[c] - top);
  }
  return q;
}

std::vector<double> Problem::best_query(std::size_t j) const {
  const std::size_t r = basis_.size();
  std::vector<Int> y(d_, Int(0));
  for (std::size_t a = 0; a < r; ++a) {
    for (std::size_t b = 0; b < r; ++b) y[basis_[a]] += adjugate_[a * r + b] * rows_[j * d_ + basis_[b]];
  }
  return rounded(y);
}

std::vector<double> Problem::null_query() const {
  const std::size_t r = basis_.size();
  for (std::size_t c = 0; c < d_; ++c) {
    if (std::find(basis_.begin(), basis_.end(), c) != basis_.end()) continue;
    std::vector<Int> y(d_, Int(0));  // column c = K_B (G_BB)^-1 G_Bc
    y[c] = determinant_;
    for (std::size_t a = 0; a < r; ++a) {
      for (std::size_t b = 0; b < r; ++b) y[basis_[a]] -= adjugate_[a * r + b] * gram_[basis_[b] * d_ + c];
    }
    return rounded(y);
  }
  return {};
}

}  // namespace oracle
