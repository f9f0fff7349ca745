// Keys laid out for dot products with many queries, and the exact dot product for the doubtful few.
#pragma once

#include <vector>

#include "lib/aligned.hpp"
#include "lib/candidates.hpp"
#include "lib/dyadic.hpp"

namespace heavykeys::detail {

struct KeyPanel {
  KeyPanel(std::size_t dim, std::size_t capacity);

  /// Appends a gridded key, scaled by 2^(-s).
  void append(KeyId id, const double* row, const std::vector<int>& s);

  std::size_t count() const { return ids.size(); }
  /// sum_i q_i k_i of the raw query with key u.
  Dyadic exact_dot(const double* raw, std::size_t u) const;

  std::size_t dim;
  std::size_t ld;                 // capacity, padded
  std::vector<KeyId> ids;         // [count]
  std::vector<double> raw;        // [count, dim]
  AlignedVector<double> columns;  // [dim, ld]: scaled, transposed, zero beyond count
  std::vector<double> norm;       // [count]: upper bound of the scaled key's 2-norm
  double greatest_norm = 0.0;
};

}  // namespace heavykeys::detail
