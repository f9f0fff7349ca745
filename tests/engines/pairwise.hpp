// Pairwise covering: a short list of settings in which every value of every axis meets every value of every
// other.
#pragma once

#include <set>
#include <tuple>
#include <vector>

#include "support/random.hpp"

namespace engines {

using Setting = std::vector<std::size_t>;  // one value index for each axis

inline std::set<std::tuple<std::size_t, std::size_t, std::size_t, std::size_t>> pairs_of(const Setting& s) {
  std::set<std::tuple<std::size_t, std::size_t, std::size_t, std::size_t>> pairs;
  for (std::size_t a = 0; a < s.size(); ++a) {
    for (std::size_t b = a + 1; b < s.size(); ++b) pairs.emplace(a, s[a], b, s[b]);
  }
  return pairs;
}

/// Greedy: of many random settings, the one that meets most pairs not yet met, until all are.
inline std::vector<Setting> pairwise(const std::vector<std::size_t>& sizes, support::Random& random) {
  std::set<std::tuple<std::size_t, std::size_t, std::size_t, std::size_t>> missing;
  for (std::size_t a = 0; a < sizes.size(); ++a) {
    for (std::size_t b = a + 1; b < sizes.size(); ++b) {
      for (std::size_t i = 0; i < sizes[a]; ++i) {
        for (std::size_t j = 0; j < sizes[b]; ++j) missing.emplace(a, i, b, j);
      }
    }
  }
  std::vector<Setting> list;
  while (!missing.empty()) {
    Setting best;
    std::size_t most = 0;
    for (int attempt = 0; attempt < 300 || most == 0; ++attempt) {
      Setting s;
      for (std::size_t size : sizes) s.push_back(random.below(size));
      const auto [a, i, b, j] = *missing.begin();
      s[a] = i, s[b] = j;  // at least this one
      std::size_t met = 0;
      for (const auto& pair : pairs_of(s)) met += missing.count(pair);
      if (met > most) most = met, best = s;
    }
    for (const auto& pair : pairs_of(best)) missing.erase(pair);
    list.push_back(best);
  }
  return list;
}

}  // namespace engines
