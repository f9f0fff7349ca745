// One random problem: a family, a Spec, a dtype and the encoded keys, drawn from a seed and named by it.
#pragma once

#include <string>

#include "support/convert.hpp"
#include "support/families.hpp"
#include "support/sketches.hpp"

namespace support {

struct Problem {
  std::string name;  ///< everything needed to draw it again
  heavykeys::Spec spec;
  Buffer keys;

  std::size_t n() const { return keys.values().rows; }
  std::size_t d() const { return keys.values().cols; }
};

struct Limits {
  std::size_t max_n = 200;
  std::size_t max_d = 12;
};

/// Problem number `seed`: the family is seed modulo their count, so consecutive seeds meet all of them.
inline Problem draw(std::uint64_t seed, const Limits& limits = {}) {
  static const std::vector<double> epsilons = {1, 0.5, 0.25, 0.2, 0.125, 0.1, 0.05, 0.01};
  static const std::vector<int> bits = {24, 24, 20, 12};
  static const std::vector<heavykeys::Dtype> dtypes = {heavykeys::Dtype::f64, heavykeys::Dtype::f64,
                                                       heavykeys::Dtype::f32, heavykeys::Dtype::f16,
                                                       heavykeys::Dtype::bf16};
  Random random(0x9e3779b97f4a7c15u * (seed + 1));
  const NamedFamily& family = families()[seed % families().size()];
  Request request;
  request.d = 1 + random.below(limits.max_d);
  request.n = 1 + random.below(limits.max_n);
  request.epsilon = random.pick(epsilons);
  request.grid_bits = random.pick(bits);
  request.block_rows = random.coin() ? 16 : 64;
  const heavykeys::Dtype dtype = random.pick(dtypes);
  Matrix keys = family.make(request, random);
  const std::string name =
      "problem " + std::to_string(seed) + ": " + family.name + " n=" + std::to_string(keys.rows) +
      " d=" + std::to_string(keys.cols) + " epsilon=" + std::to_string(request.epsilon) +
      " grid_bits=" + std::to_string(request.grid_bits) +
      " block_rows=" + std::to_string(request.block_rows) + " " + std::string(heavykeys::name_of(dtype));
  return {name, make_spec(request.d, request.epsilon, request.grid_bits, request.block_rows),
          Buffer(keys, dtype)};
}

}  // namespace support
