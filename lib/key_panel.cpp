#include "lib/key_panel.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "lib/kernels.hpp"
#include "lib/powers_of_two.hpp"
#include "lib/scaled_gram.hpp"

namespace heavykeys::detail {

/// Of a key appended with scale s.
static double scaled_element(double raw, int s) { return raw == 0.0 ? 0.0 : scale_far(raw, -s); }

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
    const double k = scaled_element(row[i], s[i]);
    columns[i * ld + u] = k;
    squares += k * k;
  }
  norm.push_back(std::sqrt(squares) * (1.0 + 1e-10));
  greatest_norm = std::max(greatest_norm, norm.back());
}

void KeyPanel::add_integers() {
  constexpr std::size_t kMany = 512;  // fewer are as fast in float64
  if (count() < kMany) return;
  integers.emplace(columns.data(), dim, ld, count(), greatest_norm);
  if (!integers->is_usable()) integers.reset();
}

void KeyPanel::dots_of(const double* query, const std::vector<int>& s, std::span<const std::uint32_t> keys,
                       double* x) const {
  constexpr std::size_t kTogether = 4;  // sums that need not wait for each other
  for (std::size_t first = 0; first < keys.size(); first += kTogether) {
    std::array<const double*, kTogether> row = {};
    for (std::size_t f = 0; f < kTogether; ++f)
      row[f] = raw.data() + keys[std::min(first + f, keys.size() - 1)] * dim;
    std::array<double, kTogether> sums = {};
    for (std::size_t i = 0; i < dim; ++i) {
      for (std::size_t f = 0; f < kTogether; ++f) sums[f] += query[i] * scaled_element(row[f][i], s[i]);
    }
    std::copy_n(sums.begin(), std::min(kTogether, keys.size() - first), x + first);
  }
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
