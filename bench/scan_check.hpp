// What bench_scan runs, and that all of it finds the same.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "bench/engine.hpp"
#include "bench/rivals_of_scan.hpp"
#include "bench/workload.hpp"

namespace heavykeys::bench {

struct ScanBench {
  KeyShape shape = {.count = 262'144, .dim = 64, .family = Family::gaussian};
  std::size_t queries = 2048;
  double epsilon = 0.01;
  double tolerance = 0.02;
  double sharpness = 4.0;  ///< standard deviation of the logits of a gaussian key
  Engine engine = {"tbb", 2};
  std::string isa, json;
  int repeats = 7;
};

/// One pass, to a tolerance.
HeavyEntries scan_ours(const ScanBench& options, const SoftmaxSearch& search, double tolerance);
/// Keys at hand: to options.tolerance, and what that leaves open to 1e-10.
HeavyEntries scan_decided(const ScanBench& options, const SoftmaxSearch& search);

/// The rivals list what we do but for near ties, and a tolerance costs what it may. Throws std::runtime_error
/// otherwise; returns what was found.
nlohmann::json check_scans(const ScanBench& options, const SoftmaxSearch& search);

}  // namespace heavykeys::bench
