#include "lib/scaled_gram.hpp"

#include <cmath>

#include "lib/powers_of_two.hpp"

namespace heavykeys::detail {

std::vector<int> equilibration(const ExactGram& gram) {
  std::vector<int> s(gram.dim(), 0);
  for (std::size_t i = 0; i < gram.dim(); ++i) {
    if (gram.is_empty_column(i)) continue;
    const int x = gram.entry(i, i).binary_exponent();  // 2^(x-1) <= G_ii < 2^x
    s[i] = x >= 0 ? (x + 1) / 2 : -((-x) / 2);         // ceil(x / 2)
  }
  return s;
}

std::vector<std::size_t> nonzero_columns(const ExactGram& gram) {
  std::vector<std::size_t> columns;
  for (std::size_t i = 0; i < gram.dim(); ++i) {
    if (!gram.is_empty_column(i)) columns.push_back(i);
  }
  return columns;
}

DoubleDouble scaled_entry(const ExactGram& gram, const std::vector<int>& s, std::size_t i, std::size_t j) {
  const int scale = -s[i] - s[j];
  if (const auto small = gram.small_entry(i, j)) return scaled(*small, gram.entry_exponent(i, j) + scale);
  return gram.entry(i, j).rounded(scale);
}

double nearest_entry(const ExactGram& gram, const std::vector<int>& s, std::size_t i, std::size_t j) {
  const int scale = -s[i] - s[j];
  if (const auto small = gram.small_entry(i, j))
    return scale_far(static_cast<double>(*small), gram.entry_exponent(i, j) + scale);
  return gram.entry(i, j).rounded(scale).hi;
}

void scale_row(const double* row, const std::vector<int>& s, double* out) {
  for (std::size_t i = 0; i < s.size(); ++i) out[i] = row[i] == 0.0 ? 0.0 : scale_far(row[i], -s[i]);
}

}  // namespace heavykeys::detail
