// Both ends of every dtype: subnormal numbers, and its largest with either sign.
#include <algorithm>
#include <cmath>
#include <limits>

#include "stress/demands.hpp"

namespace stress {
namespace {

using heavykeys::Dtype;
using support::Matrix;
using support::Problem;
using support::Random;

struct Ends {
  int least;        ///< exponent of the least subnormal number
  int normal;       ///< of the least normal one
  double greatest;  ///< finite
};

Ends ends(Dtype dtype) {
  switch (dtype) {
    case Dtype::f64:
      return {-1074, -1022, std::numeric_limits<double>::max()};
    case Dtype::f32:
      return {-149, -126, static_cast<double>(std::numeric_limits<float>::max())};
    case Dtype::f16:
      return {-24, -14, 65504};
    default:
      return {-133, -126, 0x1.fep127};
  }
}

/// All subnormal; or beside a normal number in the same block; or in blocks of their own beside large ones.
template <Dtype dtype>
Problem denormals(Random& random) {
  const Ends e = ends(dtype);
  const std::size_t d = 1 + random.below(dtype == Dtype::f64 ? 3 : 5), n = 2 + random.below(62);
  const std::size_t kind = random.below(3);
  Matrix m(n, d);
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t c = 0; c < d; ++c) {
      const int bits = random.integer(1, e.normal - e.least);
      m(r, c) = std::ldexp(random.integer(-(1 << std::min(bits, 24)) + 1, (1 << std::min(bits, 24)) - 1),
                           e.least + std::max(bits - 24, 0));
      const bool normal = kind == 1 ? random.below(4) == 0 : kind == 2 && r / 16 % 2 == 1;
      if (normal) m(r, c) = std::ldexp(random.gaussian(), kind == 1 ? e.normal : random.integer(-10, 10));
    }
  }
  m(0, 0) = std::ldexp(random.sign(), e.least);
  return problem("denormals_" + std::string(heavykeys::name_of(dtype)), m, any_spec(d, random), dtype);
}

template <Dtype dtype>
double subnormal(const Problem& p, const agreement::Exact&) {
  const double normal = std::ldexp(1.0, ends(dtype).normal);
  const auto& values = p.keys.values().values;
  return static_cast<double>(
      std::count_if(values.begin(), values.end(), [&](double x) { return x != 0 && std::abs(x) < normal; }));
}

/// Some of either sign; the others of any size below, some next to it, some far away in blocks of their own.
template <Dtype dtype>
Problem largest(Random& random) {
  const double most = ends(dtype).greatest;
  const std::size_t d = 1 + random.below(dtype == Dtype::f64 ? 3 : 5), n = 2 + random.below(62);
  const std::size_t kind = random.below(3);
  Matrix m(n, d);
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t c = 0; c < d; ++c) {
      m(r, c) = random.below(3) == 0 ? random.sign() * most : random.gaussian() * (most / 8);
      if (kind == 1 && r / 16 % 2 == 1) m(r, c) = random.gaussian();
      if (kind == 2) m(r, c) = random.sign() * (random.coin() ? most : most / 2);
    }
  }
  m(0, 0) = most;
  m(1, 0) = -most;
  return problem("max_" + std::string(heavykeys::name_of(dtype)), m, any_spec(d, random), dtype);
}

template <Dtype dtype>
double of_either_sign(const Problem& p, const agreement::Exact&) {
  const auto& values = p.keys.values().values;
  const double most = ends(dtype).greatest;
  const auto plus = std::count(values.begin(), values.end(), most);
  return static_cast<double>(std::min(plus, std::count(values.begin(), values.end(), -most)));
}

template <Dtype dtype>
void add(std::vector<Demand>& out) {
  const std::string name(heavykeys::name_of(dtype));
  out.push_back({"denormals_" + name, denormals<dtype>, subnormal<dtype>, 1, "subnormal elements"});
  out.push_back({"max_" + name, largest<dtype>, of_either_sign<dtype>, 1, "elements of +max, and of -max"});
}

}  // namespace

std::vector<Demand> extremes() {
  std::vector<Demand> out;
  add<Dtype::f64>(out);
  add<Dtype::f32>(out);
  add<Dtype::f16>(out);
  add<Dtype::bf16>(out);
  return out;
}

}  // namespace stress
