// Heavy entries as bare (query, key) pairs, the form in which the contenders can be compared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "heavykeys/heavy_entries.hpp"

namespace heavykeys::bench {

/// query * n + key, ascending.
using Pairs = std::vector<std::uint64_t>;

/// Find all pairs with |q.k| > radius. Contiguous float32 keys [n, d] and queries [m, d].
struct Search {
  const float* keys = nullptr;
  std::size_t n = 0;
  const float* queries = nullptr;
  std::size_t m = 0;
  std::size_t dim = 0;
  float radius = 0;
  int threads = 1;
};

/// Queries [m, d] divided by sqrt(N_q), N_q = q^T gram q in float64.
std::vector<float> normalised(const std::vector<float>& queries, const std::vector<double>& gram,
                              std::size_t d);

Pairs pairs_of(const HeavyEntries& entries, std::size_t n);

/// Pairs in one set only must have a weight within 1e-4 (relative) of the threshold; returns how many such
/// there are. Only queries below query_limit are compared. Throws std::runtime_error naming the first pair
/// that is wrong, and `who` found or missed it.
std::size_t near_ties(const Search& search, std::size_t query_limit, const Pairs& expected,
                      const Pairs& found, const std::string& who);

}  // namespace heavykeys::bench
