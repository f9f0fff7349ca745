// What the search is run on: families of keys, their sizes and thresholds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/matrix.hpp"

namespace adversary {

struct Workload {
  std::string family;
  double epsilon = 0.1;
  support::Matrix keys;
};

/// Gaussian, Cauchy, power-law norms, clusters, duplicates, and captured keys of a transformer; dims up to
/// `max_dim`, of which captured keys have at most 32. The same seed gives the same keys.
std::vector<Workload> workloads(std::uint64_t seed, std::size_t max_dim);

/// Keys [n, 128] among which few share a direction: for powers beyond the lift.
std::vector<Workload> wide_workloads(std::uint64_t seed);

}  // namespace adversary
