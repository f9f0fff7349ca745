#include "tests/adversary/workload.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "heavykeys/files.hpp"
#include "tests/adversary/dense.hpp"
#include "tests/support/random.hpp"

namespace adversary {
namespace {

using support::Matrix;
using support::Random;

Matrix gaussian(std::size_t n, std::size_t d, Random& random) {
  Matrix m(n, d);
  for (double& x : m.values) x = random.gaussian();
  return m;
}

Matrix cauchy(std::size_t n, std::size_t d, Random& random) {
  Matrix m(n, d);
  for (double& x : m.values) x = std::clamp(random.cauchy(), -1e6, 1e6);
  return m;
}

// Row r has a norm of about uniform^-1: a few rows dwarf the rest.
Matrix power_law(std::size_t n, std::size_t d, Random& random) {
  Matrix m = gaussian(n, d, random);
  for (std::size_t r = 0; r < n; ++r) {
    const double size = 1 / (random.uniform() + 1e-6);
    for (std::size_t c = 0; c < d; ++c) m(r, c) *= size;
  }
  return m;
}

// Tight clusters around centres whose sizes span four decades; some have one key, some hundreds.
Matrix clusters(std::size_t n, std::size_t d, Random& random) {
  Matrix m(n, d);
  std::vector<double> centre(d);
  std::size_t left = 0;
  for (std::size_t r = 0; r < n; ++r, --left) {
    if (left == 0) {
      const double size = std::pow(10.0, random.integer(-2, 2));
      for (double& x : centre) x = size * random.gaussian();
      left = std::size_t{1} << random.below(9);
    }
    for (std::size_t c = 0; c < d; ++c) m(r, c) = centre[c] * (1 + 0.01 * random.gaussian());
  }
  return m;
}

Matrix duplicates(std::size_t n, std::size_t d, Random& random) {
  const Matrix few = gaussian(n / 8 + 1, d, random);
  Matrix m(n, d);
  for (std::size_t r = 0; r < n; ++r) std::copy_n(few.row(random.below(few.rows)), d, m.row(r));
  return m;
}

double half_to_double(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const double size = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return bits >> 15 ? -size : size;
}

// Rows begin .. begin + n of a captured head (float16, contiguous), at most `columns` of its columns.
Matrix captured(const std::string& file, std::size_t head, std::size_t begin, std::size_t n,
                std::size_t columns) {
  const heavykeys::Tensor tensor = heavykeys::open_tensor(HEAVYKEYS_TESTS_DATA "/" + file);
  const std::size_t d = tensor.dim();
  Matrix m(std::min(n, tensor.count() - begin), std::min(d, columns));
  const auto* from = static_cast<const std::uint16_t*>(tensor.head(head).data) + begin * d;
  for (std::size_t r = 0; r < m.rows; ++r)
    std::transform(from + r * d, from + r * d + m.cols, m.row(r), half_to_double);
  return m;
}

}  // namespace

// An epsilon that a fortieth of the keys reach, as leverage.
double selective(const Matrix& keys) {
  const Factor factor(weighted_gram(keys.values.data(), nullptr, keys.rows, keys.cols), keys.cols);
  std::vector<double> leverage(keys.rows);
  for (std::size_t r = 0; r < keys.rows; ++r) leverage[r] = factor.quadratic(keys.row(r));
  const auto at = leverage.begin() + static_cast<std::ptrdiff_t>(keys.rows / 40);
  std::nth_element(leverage.begin(), at, leverage.end(), std::greater<>());
  return std::min(0.5, std::floor(*at * 4096) / 4096);
}

std::vector<Workload> workloads(std::uint64_t seed, std::size_t max_dim) {
  struct Family {
    const char* name;
    Matrix (*make)(std::size_t, std::size_t, Random&);
  };
  const Family families[] = {{"gaussian", gaussian},
                             {"cauchy", cauchy},
                             {"power-law", power_law},
                             {"clusters", clusters},
                             {"duplicates", duplicates}};
  struct Size {
    std::size_t n, d;
    double epsilon;
  };
  // From a handful of keys, all nearly heavy, to thousands, of which few are.
  const Size sizes[] = {{24, 2, 0.3},   {96, 3, 0.25},   {400, 2, 0.05},  {300, 4, 0.1},
                        {1000, 4, 0.1}, {2000, 8, 0.05}, {1500, 16, 0.1}, {4000, 8, 0.03}};
  std::vector<Workload> all;
  Random random(seed * 1000003 + 17);
  for (const Family& family : families) {
    for (const Size& s : sizes) {
      if (s.d > max_dim) continue;
      all.push_back({family.name, s.epsilon, family.make(s.n, s.d, random)});
      const double epsilon = selective(all.back().keys);
      if (epsilon > 0) all.push_back({family.name, epsilon, family.make(s.n, s.d, random)});
    }
  }
  // Captured keys have leverages near their mean: epsilon a little above it.
  const std::size_t begin = random.below(16) * 1024;
  for (const std::size_t n : {3000, 800}) {
    const Matrix m = captured("stream_keys.npy", 0, begin, n, max_dim);
    all.push_back({"captured-stream", selective(m), m});
    all.push_back({"captured-stream", 4 * selective(m), m});
  }
  for (int i = 0; i < 2; ++i) {
    const Matrix m = captured("heads.safetensors:k", random.below(12), 0, 256, max_dim);
    all.push_back({"captured-head", selective(m), m});
    all.push_back({"captured-head", std::min(0.5, 2 * selective(m)), m});
  }
  return all;
}

std::vector<Workload> wide_workloads(std::uint64_t seed) {
  constexpr std::size_t dim = 128;
  Random random(seed * 1000003 + 18);
  std::vector<Workload> all;
  for (const double epsilon : {0.3, 0.05}) {
    Matrix m = gaussian(1500, dim, random);
    for (std::size_t r = 0; r < m.rows; ++r) {
      if (random.below(20) == 0) m(r, random.below(dim)) += std::ldexp(random.sign(), random.integer(1, 6));
    }
    all.push_back({"wide-planted", epsilon, m});
    all.push_back({"wide-power-law", epsilon, power_law(1200, dim, random)});
  }
  return all;
}

}  // namespace adversary
