#include "lib/key_panel.hpp"

#include <algorithm>
#include <cmath>

#include "lib/kernels.hpp"
#include "lib/powers_of_two.hpp"
#include "lib/scaled_gram.hpp"

namespace heavykeys::detail {

KeyPanel::KeyPanel(std::size_t d, std::size_t capacity) : dim(d), ld(padded(capacity)), columns(d * ld, 0.0) {
  ids.reserve(capacity);
  raw.reserve(capacity * d);
  norm.reserve(capacity);
}

void KeyPanel::append(KeyId id, const double* row, const std::vector<int>& s) {
  const std::size_t u = ids.size();
  ids.push_back(id);
  raw.insert(raw.end(), row, row + dim);
  double squares = 0.0;
  for (std::size_t i = 0; i < dim; ++i) {
    const double k = row[i] == 0.0 ? 0.0 : scale_far(row[i], -s[i]);
    columns[i * ld + u] = k;
    squares += k * k;
  }
  norm.push_back(std::sqrt(squares) * (1.0 + 1e-10));
  greatest_norm = std::max(greatest_norm, norm.back());
}

Dyadic KeyPanel::exact_dot(const double* query, std::size_t u) const {
  Dyadic sum;
  for (std::size_t i = 0; i < dim; ++i) {
    const double k = raw[u * dim + i];
    if (query[i] != 0.0 && k != 0.0) sum = sum + Dyadic(query[i]) * Dyadic(k);
  }
  return sum;
}

}  // namespace heavykeys::detail
