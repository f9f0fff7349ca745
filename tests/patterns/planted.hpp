// What tests of planted attention share: attention by its definition, and the entries a scan lists.
#pragma once

#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include "heavykeys/scan.hpp"
#include "heavykeys/sparse_pattern.hpp"

namespace planted {

using Pairs = std::set<std::pair<std::size_t, std::size_t>>;

inline heavykeys::Rows queries_of(const heavykeys::Planted& p) {
  return heavykeys::rows(p.queries.data(), p.rows, p.options.dim);
}
inline heavykeys::Rows keys_of(const heavykeys::Planted& p) {
  return heavykeys::rows(p.keys.data(), p.columns, p.options.dim);
}

inline heavykeys::PatternPrecision precision(const heavykeys::SparsePattern& m, const heavykeys::Planted& p) {
  return heavykeys::verify(m, queries_of(p), keys_of(p));
}

inline Pairs support(const heavykeys::SparsePattern& m) {
  Pairs pairs;
  for (std::size_t i = 0; i < m.rows; ++i) {
    for (auto e = m.indptr[i]; e < m.indptr[i + 1]; ++e)
      pairs.emplace(i, static_cast<std::size_t>(m.indices[static_cast<std::size_t>(e)]));
  }
  return pairs;
}

inline Pairs pairs_of(const heavykeys::HeavyEntries& found) {
  Pairs pairs;
  for (std::size_t i = 0; i < found.query_count(); ++i) {
    for (auto e = found.indptr[i]; e < found.indptr[i + 1]; ++e)
      pairs.emplace(i, found.keys[static_cast<std::size_t>(e)].row);
  }
  return pairs;
}

/// softmax(queries keys^T) in long double, [L, L'].
inline std::vector<long double> attention(const heavykeys::Planted& p) {
  const std::size_t r = p.options.dim;
  std::vector<long double> a(p.rows * p.columns);
  for (std::size_t i = 0; i < p.rows; ++i) {
    long double* row = a.data() + i * p.columns;
    long double top = -1e4000L, sum = 0;
    for (std::size_t j = 0; j < p.columns; ++j) {
      row[j] = 0;
      for (std::size_t c = 0; c < r; ++c)
        row[j] += static_cast<long double>(p.queries[i * r + c]) * p.keys[j * r + c];
      top = std::fmax(top, row[j]);
    }
    for (std::size_t j = 0; j < p.columns; ++j) sum += row[j] = std::exp(row[j] - top);
    for (std::size_t j = 0; j < p.columns; ++j) row[j] /= sum;
  }
  return a;
}

/// The precision by its definition.
inline heavykeys::PatternPrecision naive_precision(const heavykeys::SparsePattern& m,
                                                   const heavykeys::Planted& p) {
  const std::vector<long double> a = attention(p);
  std::vector<double> wanted(m.rows * m.columns, 0.0);
  for (std::size_t i = 0; i < m.rows; ++i) {
    for (auto e = m.indptr[i]; e < m.indptr[i + 1]; ++e) {
      const auto at = static_cast<std::size_t>(e);
      wanted[i * m.columns + static_cast<std::size_t>(m.indices[at])] = m.values[at];
    }
  }
  heavykeys::PatternPrecision found;
  for (std::size_t i = 0; i < m.rows; ++i) {
    const double* w = wanted.data() + i * m.columns;
    const long double* row = a.data() + i * m.columns;
    long double mass = 0, total = 0;
    for (std::size_t j = 0; j < m.columns; ++j) total += w[j];
    for (std::size_t j = 0; j < m.columns; ++j) {
      const auto weight = static_cast<double>(row[j]);
      found.max_error = std::fmax(found.max_error, static_cast<double>(std::fabs(row[j] - w[j] / total)));
      if (w[j] == 0) {
        found.off_support = std::fmax(found.off_support, weight);
        mass += row[j];
        continue;
      }
      found.least_planted = std::fmin(found.least_planted, weight);
      for (std::size_t l = 0; l < m.columns; ++l) {
        if (w[l] == 0) continue;
        const long double ratio = row[j] / row[l] / (static_cast<long double>(w[j]) / w[l]);
        found.ratio_error = std::fmax(found.ratio_error, static_cast<double>(ratio - 1));
      }
    }
    found.off_support_mass = std::fmax(found.off_support_mass, static_cast<double>(mass));
  }
  return found;
}

}  // namespace planted
