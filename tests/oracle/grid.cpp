// The grid, in 64-bit integers: a double is m * 2^x, so k * 2^(P-e) is m * 2^(x+P-e), rounded by hand.
#include <algorithm>
#include <limits>

#include "oracle.hpp"

namespace oracle {
namespace {

// round_half_even(m * 2^shift), for results below 2^62.
std::int64_t round_half_even(std::int64_t m, int shift) {
  if (shift >= 0) return m * (std::int64_t{1} << shift);
  if (-shift > 60) return 0;  // |m| < 2^53, so this is less than a half
  const std::int64_t one = std::int64_t{1} << -shift, magnitude = m < 0 ? -m : m;
  std::int64_t q = magnitude / one;
  const std::int64_t rest = magnitude % one;
  if (rest > one - rest || (rest == one - rest && q % 2 == 1)) ++q;
  return m < 0 ? -q : q;
}

double grid_one(double k, int e, int grid_bits) {
  if (k == 0) return 0;
  const Dyadic v = dyadic(k);
  std::int64_t q = round_half_even(v.mantissa, v.exponent + grid_bits - e);
  const std::int64_t top = std::int64_t{1} << grid_bits;
  if (e == std::numeric_limits<double>::max_exponent) q = std::clamp(q, -(top - 1), top - 1);
  // Exact: where 2^(e-P) is below the least double, k was on the grid already.
  return q == 0 ? 0.0 : std::ldexp(static_cast<double>(q), e - grid_bits);
}

}  // namespace

std::vector<double> grid(const std::vector<double>& keys, std::size_t n, std::size_t d,
                         std::size_t block_rows, int grid_bits) {
  std::vector<double> out(n * d, 0.0);
  for (std::size_t begin = 0; begin < n; begin += block_rows) {
    const std::size_t end = std::min(n, begin + block_rows);
    for (std::size_t c = 0; c < d; ++c) {
      double max = 0;
      for (std::size_t r = begin; r < end; ++r) max = std::max(max, std::abs(keys[r * d + c]));
      int e = 0;
      std::frexp(max, &e);  // max = m 2^e with 1/2 <= m < 1: the least e with max < 2^e
      for (std::size_t r = begin; r < end; ++r) out[r * d + c] = grid_one(keys[r * d + c], e, grid_bits);
    }
  }
  return out;
}

}  // namespace oracle
