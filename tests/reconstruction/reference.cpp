#include "reconstruction/reference.hpp"

#include <algorithm>
#include <cmath>

#include "lib/symmetric_eigen.hpp"

namespace reconstruction {

using heavykeys::PrincipalComponents;

PrincipalComponents model(std::size_t p, std::size_t size, double decay, double noise,
                          support::Random& random) {
  PrincipalComponents out;
  out.dim = p;
  out.samples = 1000;
  Matrix e;
  for (std::size_t i = 0; i < size; ++i) {
    std::vector<Real> row(p);
    for (Real& x : row) x = random.gaussian();
    for (int twice = 0; twice < 2; ++twice) {
      for (const auto& other : e) {
        Real along = 0;
        for (std::size_t k = 0; k < p; ++k) along += row[k] * other[k];
        for (std::size_t k = 0; k < p; ++k) row[k] -= along * other[k];
      }
    }
    Real norm = 0;
    for (const Real x : row) norm += x * x;
    for (Real& x : row) x /= std::sqrt(norm);
    e.push_back(row);
    out.variances.push_back(3.0 * std::pow(decay, static_cast<double>(i)));
    out.components.insert(out.components.end(), row.begin(), row.end());
  }
  out.mean.resize(p);
  out.element_variances.resize(p);
  for (std::size_t k = 0; k < p; ++k) {
    out.mean[k] = random.gaussian();
    Real sum = noise > 0 ? noise * (1.0 + random.uniform()) : 0.0;
    for (std::size_t i = 0; i < size; ++i) sum += out.variances[i] * e[i][k] * e[i][k];
    out.element_variances[k] = static_cast<double>(sum);
    out.total_variance += out.element_variances[k];
  }
  return out;
}

PrincipalComponents components_of(const support::Matrix& x) {
  const std::size_t p = x.cols;
  PrincipalComponents out;
  out.dim = p;
  out.samples = x.rows;
  out.mean.assign(p, 0.0);
  for (std::size_t r = 0; r < x.rows; ++r) {
    for (std::size_t k = 0; k < p; ++k) out.mean[k] += x(r, k) / static_cast<double>(x.rows);
  }
  std::vector<double> c(p * p);
  for (std::size_t r = 0; r < x.rows; ++r) {
    for (std::size_t i = 0; i < p; ++i) {
      for (std::size_t j = 0; j < p; ++j) {
        c[i * p + j] += (x(r, i) - out.mean[i]) * (x(r, j) - out.mean[j]) / static_cast<double>(x.rows);
      }
    }
  }
  auto eigen = heavykeys::detail::symmetric_eigen(c, p);
  for (double& v : eigen.values) v = std::max(v, 0.0);
  out.variances = eigen.values;
  out.components = eigen.vectors;
  for (std::size_t k = 0; k < p; ++k) {
    out.element_variances.push_back(c[k * p + k]);
    out.total_variance += c[k * p + k];
  }
  return out;
}

namespace {

/// What components leave of each element's variance.
std::vector<Real> noise_of(const PrincipalComponents& of, std::size_t used) {
  std::vector<Real> noise;
  for (std::size_t k = 0; k < of.dim; ++k) {
    Real left = of.element_variances[k];
    for (std::size_t i = 0; i < used; ++i) {
      const Real e = of.components[i * of.dim + k];
      left -= of.variances[i] * e * e;
    }
    noise.push_back(left > 0 ? left : 0);
  }
  return noise;
}

}  // namespace

support::Matrix draw(const PrincipalComponents& of, std::size_t count, support::Random& random) {
  support::Matrix out(count, of.dim);
  std::vector<Real> noise = noise_of(of, of.size());
  for (Real& v : noise) v = v < 1e-14L ? 0 : v;  // rounding of element_variances
  for (std::size_t r = 0; r < count; ++r) {
    for (std::size_t k = 0; k < of.dim; ++k) {
      out(r, k) = of.mean[k] + static_cast<double>(std::sqrt(noise[k])) * random.gaussian();
    }
    for (std::size_t i = 0; i < of.size(); ++i) {
      const double z = std::sqrt(of.variances[i]) * random.gaussian();
      for (std::size_t k = 0; k < of.dim; ++k) out(r, k) += z * of.components[i * of.dim + k];
    }
  }
  return out;
}

Matrix covariance(const PrincipalComponents& of, std::size_t used) {
  Matrix c(of.dim, std::vector<Real>(of.dim));
  const std::vector<Real> noise = noise_of(of, used);
  for (std::size_t a = 0; a < of.dim; ++a) {
    for (std::size_t b = 0; b < of.dim; ++b) {
      for (std::size_t i = 0; i < used; ++i) {
        c[a][b] += static_cast<Real>(of.variances[i]) * static_cast<Real>(of.components[i * of.dim + a]) *
                   static_cast<Real>(of.components[i * of.dim + b]);
      }
    }
    c[a][a] += noise[a];
  }
  return c;
}

Matrix solve(Matrix a, Matrix b) {
  const std::size_t n = a.size();
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t i = k + 1; i < n; ++i) {
      const Real f = a[i][k] / a[k][k];
      for (std::size_t j = k; j < n; ++j) a[i][j] -= f * a[k][j];
      for (std::size_t j = 0; j < b[i].size(); ++j) b[i][j] -= f * b[k][j];
    }
  }
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t j = 0; j < b[k].size(); ++j) {
      for (std::size_t i = k + 1; i < n; ++i) b[k][j] -= a[k][i] * b[i][j];
      b[k][j] /= a[k][k];
    }
  }
  return b;
}

Matrix gain(const PrincipalComponents& of, const std::vector<std::size_t>& elements,
            const heavykeys::ReconstructorOptions& o) {
  const std::size_t s = elements.size(), used = o.components == 0 ? of.size() : o.components;
  Matrix out(of.dim, std::vector<Real>(s));
  if (o.estimator == heavykeys::Estimator::lmmse) {
    const Matrix c = covariance(of, used);
    Real mean = 0;
    for (std::size_t k = 0; k < of.dim; ++k) mean += c[k][k] / static_cast<Real>(of.dim);
    Matrix a(s, std::vector<Real>(s)), b(s, std::vector<Real>(of.dim));
    for (std::size_t i = 0; i < s; ++i) {
      for (std::size_t j = 0; j < s; ++j) a[i][j] = c[elements[i]][elements[j]];
      a[i][i] += static_cast<Real>(o.ridge) * mean;
      b[i] = c[elements[i]];
    }
    const Matrix x = solve(a, b);
    for (std::size_t k = 0; k < of.dim; ++k) {
      for (std::size_t i = 0; i < s; ++i) out[k][i] = x[i][k];
    }
  } else {
    const auto e = [&](std::size_t i, std::size_t k) {
      return static_cast<Real>(of.components[i * of.dim + k]);
    };
    Matrix a(used, std::vector<Real>(used)), b(used, std::vector<Real>(s));
    for (std::size_t i = 0; i < used; ++i) {
      for (std::size_t j = 0; j < used; ++j) {
        for (const std::size_t k : elements) a[i][j] += e(i, k) * e(j, k);
      }
      a[i][i] += static_cast<Real>(o.ridge) * static_cast<Real>(s) / static_cast<Real>(of.dim);
      for (std::size_t k = 0; k < s; ++k) b[i][k] = e(i, elements[k]);
    }
    const Matrix x = solve(a, b);
    for (std::size_t k = 0; k < of.dim; ++k) {
      for (std::size_t i = 0; i < s; ++i) {
        for (std::size_t c = 0; c < used; ++c) out[k][i] += e(c, k) * x[c][i];
      }
    }
  }
  for (std::size_t i = 0; i < s; ++i) {
    for (std::size_t j = 0; j < s; ++j) out[elements[i]][j] = i == j ? 1 : 0;
  }
  return out;
}

Matrix gain(const heavykeys::Reconstructor& r) {
  const std::vector<std::size_t> elements = elements_of(r);
  const std::size_t p = r.dim(), s = elements.size();
  support::Matrix moved(2 * s, s);  // by 1 and by -1: their halved difference has no mean in it
  for (std::size_t i = 0; i < 2 * s; ++i) {
    for (std::size_t k = 0; k < s; ++k) {
      moved(i, k) = r.mean()[elements[k]] + (i % s == k ? (i < s ? 1.0 : -1.0) : 0.0);
    }
  }
  const std::vector<double> x = heavykeys::reconstruct(r, rows_of(moved));
  Matrix out(p, std::vector<Real>(s));
  for (std::size_t e = 0; e < p; ++e) {
    for (std::size_t k = 0; k < s; ++k) {
      out[e][k] = (static_cast<Real>(x[k * p + e]) - static_cast<Real>(x[(s + k) * p + e])) / 2;
    }
  }
  return out;
}

Real expected_error(const PrincipalComponents& of, const std::vector<std::size_t>& elements,
                    const Matrix& g) {
  const Matrix c = covariance(of, of.size());
  Real error = 0, total = 0;
  for (std::size_t k = 0; k < of.dim; ++k) {
    total += c[k][k];
    error += c[k][k];
    for (std::size_t i = 0; i < elements.size(); ++i) {
      error -= 2 * g[k][i] * c[elements[i]][k];
      for (std::size_t j = 0; j < elements.size(); ++j) {
        error += g[k][i] * c[elements[i]][elements[j]] * g[k][j];
      }
    }
  }
  return error / total;
}

std::vector<std::size_t> greedy(const PrincipalComponents& of, std::size_t count) {
  const Matrix c = covariance(of, of.size());
  std::vector<std::size_t> order;
  while (order.size() < count) {
    Matrix a(order.size(), std::vector<Real>(order.size())), b(order.size(), std::vector<Real>(of.dim));
    for (std::size_t i = 0; i < order.size(); ++i) {
      for (std::size_t j = 0; j < order.size(); ++j) a[i][j] = c[order[i]][order[j]];
      b[i] = c[order[i]];
    }
    const Matrix x = solve(a, b);
    std::size_t best = 0;
    Real most = -1;
    for (std::size_t e = 0; e < of.dim; ++e) {
      if (std::find(order.begin(), order.end(), e) != order.end()) continue;
      Real left = c[e][e];
      for (std::size_t i = 0; i < order.size(); ++i) left -= b[i][e] * x[i][e];
      if (left > most) most = left, best = e;
    }
    order.push_back(best);
  }
  return order;
}

Real distance(const Matrix& a, const Matrix& b) {
  Real most = a.size() == b.size() ? 0 : HUGE_VALL;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i].size() != b[i].size()) return HUGE_VALL;
    for (std::size_t j = 0; j < a[i].size(); ++j) {
      const Real d = std::abs(a[i][j] - b[i][j]);
      if (!(d <= most)) most = d;
    }
  }
  return most;
}

std::vector<std::size_t> elements_of(const heavykeys::Reconstructor& r) {
  return {r.elements().begin(), r.elements().end()};
}

support::Matrix columns(const support::Matrix& samples, const std::vector<std::size_t>& elements) {
  support::Matrix out(samples.rows, elements.size());
  for (std::size_t r = 0; r < samples.rows; ++r) {
    for (std::size_t k = 0; k < elements.size(); ++k) out(r, k) = samples(r, elements[k]);
  }
  return out;
}

}  // namespace reconstruction
