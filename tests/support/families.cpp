#include "support/families.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace support {
namespace {

Matrix filled(std::size_t n, std::size_t d, auto value) {
  Matrix m(n, d);
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t c = 0; c < d; ++c) m(r, c) = value(r, c);
  }
  return m;
}

Matrix cauchy(const Request& q, Random& random) {
  return filled(q.n, q.d, [&](auto, auto) { return random.cauchy(); });
}

Matrix integers(const Request& q, Random& random) {
  return filled(q.n, q.d, [&](auto, auto) { return random.integer(-9, 9); });
}

Matrix duplicates(const Request& q, Random& random) {
  Request few = q;
  few.n = 1 + random.below(2 * q.d);
  const Matrix distinct = integers(few, random);
  Matrix m(q.n, q.d);
  for (std::size_t r = 0; r < q.n; ++r) std::copy_n(distinct.row(random.below(few.n)), q.d, m.row(r));
  return m;
}

Matrix low_rank(const Request& q, Random& random) {
  const std::size_t r = 1 + random.below(std::max<std::size_t>(q.d - 1, 1));
  const auto small = [&](auto, auto) { return random.integer(-5, 5); };
  return product(filled(q.n, r, small), filled(r, q.d, small));
}

// Full rank by one unit in one row: the smallest eigenvalue is far below rounding of the largest.
Matrix barely_full_rank(const Request& q, Random& random) {
  Matrix m = low_rank(q, random);
  const double unit = std::ldexp(1.0, -random.integer(0, std::max(q.grid_bits - 10, 0)));
  for (int i = 0; i < 2; ++i) {
    const std::size_t row = random.below(q.n);
    const std::size_t column = random.below(q.d);
    m(row, column) += unit;
  }
  return m;
}

Matrix zero_rows(const Request& q, Random& random) {
  Matrix m = gaussian(q, random);
  for (std::size_t r = 0; r < q.n; ++r) {
    if (random.below(3) == 0) std::fill_n(m.row(r), q.d, random.coin() ? 0.0 : -0.0);
  }
  return m;
}

Matrix zero_columns(const Request& q, Random& random) {
  Matrix m = gaussian(q, random);
  for (std::size_t c = 0; c < q.d; ++c) {
    if (random.below(3) != 0) continue;
    for (std::size_t r = 0; r < q.n; ++r) m(r, c) = 0;
  }
  return m;
}

Matrix all_zero(const Request& q, Random&) { return Matrix(q.n, q.d); }

Matrix wide(const Request& q, Random& random) {
  Request few = q;
  few.n = 1 + random.below(q.d);
  return gaussian(few, random);
}

Matrix single_row(const Request& q, Random& random) {
  Request one = q;
  one.n = 1;
  return random.coin() ? gaussian(one, random) : integers(one, random);
}

Matrix column_scales(const Request& q, Random& random) {
  Matrix m = gaussian(q, random);
  for (std::size_t c = 0; c < q.d; ++c) {
    const int scale = random.integer(-60, 60);
    for (std::size_t r = 0; r < q.n; ++r) m(r, c) = std::ldexp(m(r, c), scale);
  }
  return m;
}

Matrix row_scales(const Request& q, Random& random) {
  Matrix m = gaussian(q, random);
  for (std::size_t r = 0; r < q.n; ++r) {
    const int scale = random.integer(-30, 30);
    for (std::size_t c = 0; c < q.d; ++c) m(r, c) = std::ldexp(m(r, c), scale);
  }
  return m;
}

// Each block has a scale of its own, so small rows survive the grid beside large ones.
Matrix block_scales(const Request& q, Random& random) {
  Matrix m = random.coin() ? gaussian(q, random) : low_rank(q, random);
  int scale = 0;
  for (std::size_t r = 0; r < q.n; ++r) {
    if (r % q.block_rows == 0) scale = random.integer(-60, 60);
    for (std::size_t c = 0; c < q.d; ++c) m(r, c) = std::ldexp(m(r, c), scale);
  }
  return m;
}

// Gaussian, singular values from 1 down to 1e-3 .. 1e-9, mixed columns.
Matrix ill_conditioned(const Request& q, Random& random) {
  static const std::vector<double> conditions = {1e3, 1e6, 1e9};
  const double ratio = q.d > 1 ? std::pow(random.pick(conditions), -1.0 / static_cast<double>(q.d - 1)) : 1.0;
  Matrix m = gaussian(q, random);
  for (std::size_t r = 0; r < q.n; ++r) {
    double scale = 1;
    for (std::size_t c = 0; c < q.d; ++c, scale *= ratio) m(r, c) *= scale;
  }
  return product(m, filled(q.d, q.d, [&](auto, auto) { return random.gaussian(); }));
}

// 1, x, x^2, ...: whole numbers, condition number beyond double.
Matrix vandermonde(const Request& q, Random& random) {
  const double base = random.integer(2, 5);
  return filled(q.n, q.d, [&](std::size_t r, std::size_t c) {
    return std::pow(1 + std::fmod(static_cast<double>(r), base * 7), static_cast<double>(c));
  });
}

Matrix planted_outliers(const Request& q, Random& random) {
  Matrix m = gaussian(q, random);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t r = random.below(q.n);
    for (std::size_t c = 0; c < q.d; ++c) m(r, c) *= random.coin() ? 1000.0 : 30.0;
  }
  return m;
}

Matrix constant_rows(const Request& q, Random& random) {
  return filled(q.n, q.d, [x = random.gaussian()](auto, auto) { return x; });
}

Matrix signed_copies(const Request& q, Random& random) {
  const Matrix one = filled(1, q.d, [&](auto, auto) { return random.gaussian(); });
  Matrix m(q.n, q.d);
  for (std::size_t r = 0; r < q.n; ++r) {
    const double sign = random.sign();
    const double s = std::ldexp(sign, random.integer(-2, 2));
    for (std::size_t c = 0; c < q.d; ++c) m(r, c) = s * one(0, c);
  }
  return m;
}

Matrix denormals(const Request& q, Random& random) {
  return filled(q.n, q.d,
                [&](auto, auto) { return std::ldexp(random.gaussian(), -random.integer(1040, 1074)); });
}

// Up to the largest double, where e = 1024 and the grid saturates; float32's end of range as well.
Matrix largest(const Request& q, Random& random) {
  const double most = random.coin() ? std::numeric_limits<double>::max()
                                    : static_cast<double>(std::numeric_limits<float>::max());
  return filled(q.n, q.d, [&](auto, auto) {
    return random.below(4) == 0 ? random.sign() * most : random.gaussian() * (most / 8);
  });
}

// Every block larger than the one before, so that every row is heavy when it arrives; or the other way.
Matrix growing(const Request& q, Random& random) {
  Matrix m = gaussian(q, random);
  const int step = random.integer(-3, 3);
  for (std::size_t r = 0; r < q.n; ++r) {
    const int scale = std::clamp(step * static_cast<int>(r / q.block_rows), -900, 900);
    for (std::size_t c = 0; c < q.d; ++c) m(r, c) = std::ldexp(m(r, c), scale);
  }
  return m;
}

// From the least to the largest double in one problem, a block each (less in many columns: the oracle is slow
// there).
Matrix whole_range(const Request& q, Random& random) {
  const int low = q.d <= 3 ? -1060 : -200, high = q.d <= 3 ? 1015 : 200;
  int scale = 0;
  return filled(q.n, q.d, [&](std::size_t r, std::size_t c) {
    if (r % q.block_rows == 0 && c == 0) scale = random.integer(low, high);
    return std::ldexp(random.gaussian(), scale);
  });
}

// Exactly half way between grid points: round half to even decides.
Matrix half_way(const Request& q, Random& random) {
  Matrix m = filled(q.n, q.d, [&](auto, auto) { return random.integer(-200, 200) + 0.5; });
  const double top = std::ldexp(1.0, q.grid_bits) - random.integer(1, 2);  // the grid's step is 1
  for (std::size_t r = 0; r < q.n; r += q.block_rows) {
    for (std::size_t c = 0; c < q.d; ++c) m(r, c) = random.coin() ? top : top + 0.5;
  }
  return m;
}

}  // namespace

Matrix gaussian(const Request& q, Random& random) {
  return filled(q.n, q.d, [&](auto, auto) { return random.gaussian(); });
}

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix m(a.rows, b.cols);
  for (std::size_t r = 0; r < a.rows; ++r) {
    for (std::size_t k = 0; k < a.cols; ++k) {
      for (std::size_t c = 0; c < b.cols; ++c) m(r, c) += a(r, k) * b(k, c);
    }
  }
  return m;
}

Matrix shuffled(const Matrix& m, Random& random) {
  const std::vector<std::size_t> order = random.permutation(m.rows);
  Matrix out(m.rows, m.cols);
  for (std::size_t r = 0; r < m.rows; ++r) std::copy_n(m.row(order[r]), m.cols, out.row(r));
  return out;
}

const std::vector<NamedFamily>& families() {
  static const std::vector<NamedFamily> all = {
      {"gaussian", gaussian},
      {"cauchy", cauchy},
      {"integers", integers},
      {"duplicates", duplicates},
      {"one_hot_ties", one_hot_ties},
      {"rotated_ties", rotated_ties},
      {"near_ties", near_ties},
      {"hair_ties", hair_ties},
      {"pythagorean", pythagorean},
      {"epsilon_is_a_sum", epsilon_is_a_sum},
      {"low_rank", low_rank},
      {"barely_full_rank", barely_full_rank},
      {"zero_rows", zero_rows},
      {"zero_columns", zero_columns},
      {"all_zero", all_zero},
      {"wide", wide},
      {"single_row", single_row},
      {"column_scales", column_scales},
      {"row_scales", row_scales},
      {"block_scales", block_scales},
      {"ill_conditioned", ill_conditioned},
      {"vandermonde", vandermonde},
      {"planted_outliers", planted_outliers},
      {"constant_rows", constant_rows},
      {"signed_copies", signed_copies},
      {"denormals", denormals},
      {"largest", largest},
      {"growing", growing},
      {"whole_range", whole_range},
      {"half_way", half_way},
  };
  return all;
}

}  // namespace support
