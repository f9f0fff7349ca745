// Keys laid out for dot products with many queries, and the exact dot product for the doubtful few.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "lib/aligned.hpp"
#include "lib/candidates.hpp"
#include "lib/coarse_panel.hpp"
#include "lib/dyadic.hpp"

namespace heavykeys::detail {

struct KeyPanel {
  KeyPanel(std::size_t dim, std::size_t capacity);

  /// Appends a gridded key, scaled by 2^(-s).
  void append(KeyId id, const double* row, const std::vector<int>& s);

  std::size_t count() const { return ids.size(); }
  /// When all keys are there: brings them to integers too, where there are many.
  void add_integers();
  /// x[f] = the dot product of a scaled query with key keys[f], in the order and with the roundings of
  /// dot_products(). Keys were appended with this s.
  void dots_of(const double* query, const std::vector<int>& s, std::span<const std::uint32_t> keys,
               double* x) const;
  /// sum_i q_i k_i of the raw query with key u.
  Dyadic exact_dot(const double* raw, std::size_t u) const;

  std::size_t dim;
  std::size_t ld;                 // capacity, padded
  std::vector<KeyId> ids;         // [count]
  std::vector<double> raw;        // [count, dim]
  AlignedVector<double> columns;  // [dim, ld]: scaled, transposed, zero beyond count
  std::vector<double> norm;       // [count]: upper bound of the scaled key's 2-norm
  double greatest_norm = 0.0;
  std::optional<CoarsePanel> integers;
};

}  // namespace heavykeys::detail
