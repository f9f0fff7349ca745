#include "bench/counter_rows.hpp"

#include <algorithm>
#include <cmath>

namespace heavykeys::bench {

namespace {

/// splitmix64's output function: a bijection whose bits pass for random.
std::uint64_t mixed(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/// x with P(N(0, 1) < x) = p, by bisection: it is done 65,536 times, once.
double normal_quantile(double p) {
  double low = -10.0, high = 10.0;
  for (int step = 0; step < 60; ++step) {
    const double middle = 0.5 * (low + high);
    (0.5 * std::erfc(-middle / std::sqrt(2.0)) < p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

/// 16 bits to a normal value: a look-up is many times faster than a logarithm and a cosine.
const std::vector<float>& quantiles() {
  static const std::vector<float> table = [] {
    std::vector<float> t(65536);
    for (std::size_t i = 0; i < t.size(); ++i)
      t[i] = static_cast<float>(normal_quantile((static_cast<double>(i) + 0.5) / 65536.0));
    return t;
  }();
  return table;
}

/// Four entries from each 64 bits. Position `row` is a number of its own for each (seed, row).
void fill_row(float* out, std::size_t dim, std::uint64_t seed, std::uint64_t row, float scale) {
  const float* table = quantiles().data();
  std::uint64_t counter = mixed(seed * 0xd1342543de82ef95u + row);
  for (std::size_t c = 0; c < dim; c += 4) {
    std::uint64_t bits = mixed(counter += 0x9e3779b97f4a7c15u);
    for (std::size_t i = c; i < std::min(c + 4, dim); ++i, bits >>= 16) out[i] = scale * table[bits & 0xffff];
  }
}

constexpr float kPlantedScale = 4096.0f;
constexpr std::uint64_t kPlantedFrom = std::uint64_t{1} << 62;  // past every row

}  // namespace

void CounterRows::fill(float* out, std::uint64_t first, std::size_t count) const {
  for (std::size_t r = 0; r < count; ++r) fill_row(out + r * dim, dim, seed, first + r, 1.0f);
  const std::vector<std::uint64_t> where = planted_rows();
  for (auto it = std::lower_bound(where.begin(), where.end(), first);
       it != where.end() && *it < first + count; ++it) {
    const auto which = static_cast<std::uint64_t>(it - where.begin());
    fill_row(out + (*it - first) * dim, dim, seed, kPlantedFrom + which, kPlantedScale);
  }
}

std::vector<std::uint64_t> CounterRows::planted_rows() const {
  std::vector<std::uint64_t> where;
  for (std::uint64_t i = 0; i < planted; ++i) where.push_back((2 * i + 1) * rows / (2 * planted));
  return where;
}

std::uint64_t cut_of(std::uint64_t rows, int rank, int ranks) {
  constexpr std::uint64_t kBlock = 4096;
  if (rank == ranks) return rows;
  const auto r = static_cast<std::uint64_t>(rank), all = static_cast<std::uint64_t>(ranks);
  return std::min(rows, rows / kBlock * r / all * kBlock + kBlock * r / all);
}

}  // namespace heavykeys::bench
