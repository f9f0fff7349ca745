// Monomials, leverages of any integer rows, the onion by its definition, and polynomial weights.
#include "lifted.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace oracle {
namespace {

// Every column a whole number times one power of two, which is dropped: [n, d].
std::vector<Int> whole_columns(const std::vector<double>& gridded, std::size_t n, std::size_t d) {
  std::vector<Int> whole(n * d, Int(0));
  for (std::size_t c = 0; c < d; ++c) {
    int least = std::numeric_limits<int>::max();
    for (std::size_t j = 0; j < n; ++j) {
      if (gridded[j * d + c] != 0) least = std::min(least, dyadic(gridded[j * d + c]).exponent);
    }
    for (std::size_t j = 0; j < n; ++j) {
      const Dyadic v = dyadic(gridded[j * d + c]);
      if (v.mantissa != 0) whole[j * d + c] = Int(v.mantissa) << (v.exponent - least);
    }
  }
  return whole;
}

// All products of `degree` factors among columns first .. d-1, times `so_far`, in lexicographic order.
void monomials(const Int* key, std::size_t d, std::size_t first, int degree, const Int& so_far,
               std::vector<Int>& out) {
  if (degree == 0) {
    out.push_back(so_far);
    return;
  }
  for (std::size_t c = first; c < d; ++c) monomials(key, d, c, degree - 1, so_far * key[c], out);
}

bool at_least(const Fraction& a, const Fraction& b) { return compare(a, b) >= 0; }

}  // namespace

Leverages leverages(const std::vector<Int>& rows, std::size_t n, std::size_t dim) {
  std::vector<Int> gram(dim * dim, Int(0));
  for (std::size_t a = 0; a < dim; ++a) {
    for (std::size_t b = a; b < dim; ++b) {
      Int sum = 0;
      for (std::size_t j = 0; j < n; ++j) sum += rows[j * dim + a] * rows[j * dim + b];
      gram[a * dim + b] = gram[b * dim + a] = sum;
    }
  }
  const std::vector<std::size_t> basis = column_basis(gram, dim);
  const std::size_t r = basis.size();
  std::vector<Int> adjugate(r * r);
  for (std::size_t a = 0; a < r; ++a) {
    for (std::size_t b = 0; b < r; ++b) adjugate[a * r + b] = gram[basis[a] * dim + basis[b]];
  }
  const Int determinant = invert(adjugate, r);
  Leverages out{r, std::vector<Fraction>(n)};
  for (std::size_t j = 0; j < n; ++j) {
    Int sum = 0;
    for (std::size_t a = 0; a < r; ++a) {
      const Int& at_a = rows[j * dim + basis[a]];
      if (at_a == 0) continue;
      Int inner = adjugate[a * r + a] * at_a;
      for (std::size_t b = 0; b < a; ++b) inner += 2 * (adjugate[a * r + b] * rows[j * dim + basis[b]]);
      sum += inner * at_a;
    }
    out.values[j] = {sum, determinant};
  }
  return out;
}

Lifted::Lifted(const std::vector<double>& gridded, std::size_t n, std::size_t d,
               const std::vector<int>& degrees)
    : n_(n), dim_(0) {
  if (gridded.size() != n * d) throw std::logic_error("oracle: shape");
  const std::vector<Int> whole = whole_columns(gridded, n, d);
  for (std::size_t j = 0; j < n; ++j) {
    for (int degree : degrees) monomials(whole.data() + j * d, d, 0, degree, Int(1), rows_);
  }
  dim_ = n == 0 ? 0 : rows_.size() / n;
  all_ = leverages(rows_, n_, dim_);
}

std::vector<std::size_t> Lifted::universal(const Fraction& threshold) const {
  std::vector<std::size_t> members;
  for (std::size_t j = 0; j < n_; ++j) {
    if (at_least(leverage(j), threshold)) members.push_back(j);
  }
  return members;
}

std::vector<int> Lifted::onion(const std::vector<Fraction>& thresholds) const {
  std::vector<int> layer(n_, 0);
  std::vector<std::size_t> left(n_);
  for (std::size_t j = 0; j < n_; ++j) left[j] = j;
  Leverages now = all_;
  for (std::size_t t = 0; t < thresholds.size() && !left.empty(); ++t) {
    std::vector<std::size_t> rest;
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (at_least(now.values[i], thresholds[t])) {
        layer[left[i]] = static_cast<int>(t) + 1;
      } else {
        rest.push_back(left[i]);
      }
    }
    if (rest.size() == left.size()) continue;  // nothing taken: leverages are what they were
    left = rest;
    std::vector<Int> rows;
    for (std::size_t j : left) {
      const auto row = rows_.begin() + static_cast<std::ptrdiff_t>(j * dim_);
      rows.insert(rows.end(), row, row + static_cast<std::ptrdiff_t>(dim_));
    }
    now = leverages(rows, left.size(), dim_);
  }
  return layer;
}

long double Dots::rounded(std::size_t j) const {
  const Int magnitude = abs(values[j]);
  if (magnitude == 0) return 0.0L;
  const int drop = std::max(0, static_cast<int>(msb(magnitude)) - 62);
  const Int head = magnitude >> drop;
  const long double size =
      std::ldexp(static_cast<long double>(static_cast<std::int64_t>(head)), drop + exponent);
  return values[j] < 0 ? -size : size;
}

Dots dots(const std::vector<double>& gridded, std::size_t n, std::size_t d, const double* query) {
  // One power of two for all products q_c k_jc.
  Dots out{std::vector<Int>(n, Int(0)), 0};
  int least = std::numeric_limits<int>::max();
  for (std::size_t i = 0; i < n * d; ++i) {
    if (gridded[i] != 0 && query[i % d] != 0) {
      least = std::min(least, dyadic(gridded[i]).exponent + dyadic(query[i % d]).exponent);
    }
  }
  if (least == std::numeric_limits<int>::max()) return out;
  out.exponent = least;
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t c = 0; c < d; ++c) {
      const Dyadic k = dyadic(gridded[j * d + c]), q = dyadic(query[c]);
      if (k.mantissa == 0 || q.mantissa == 0) continue;
      out.values[j] += (Int(k.mantissa) * q.mantissa) << (k.exponent + q.exponent - least);
    }
  }
  return out;
}

Problem::Heavy heavy(const Dots& x, const std::vector<double>& coefficients, double epsilon,
                     std::size_t visible) {
  // c_i x^(2i) = mantissa * value^(2i) * 2^(exponent + 2 i x.exponent): all over the least power of two.
  int least = std::numeric_limits<int>::max();
  const auto exponent = [&](std::size_t i) {
    return dyadic(coefficients[i]).exponent + 2 * static_cast<int>(i) * x.exponent;
  };
  for (std::size_t i = 0; i < coefficients.size(); ++i) {
    if (coefficients[i] != 0) least = std::min(least, exponent(i));
  }
  std::vector<Int> score(visible, Int(0));
  Int total = 0;
  for (std::size_t j = 0; j < visible; ++j) {
    const Int square = x.values[j] * x.values[j];
    Int power = 1;
    for (std::size_t i = 0; i < coefficients.size(); ++i, power *= square) {
      if (coefficients[i] != 0)
        score[j] += (power * dyadic(coefficients[i]).mantissa) << (exponent(i) - least);
    }
    total += score[j];
  }
  Problem::Heavy found;
  if (total == 0) return found;
  const Fraction e = exactly(epsilon);
  const Int bar = e.num * total;
  for (std::size_t j = 0; j < visible; ++j) {
    if (score[j] * e.den < bar) continue;
    found.keys.push_back(j);
    found.weights.push_back({score[j], total});
  }
  return found;
}

}  // namespace oracle
