// What heavy_entries can be asked on its command line.
#pragma once

#include <cstddef>
#include <string>

#include "bench/engine.hpp"
#include "bench/workload.hpp"

namespace heavykeys::bench {

struct HeavyEntriesOptions {
  KeyShape shape = {.count = 1'000'000, .dim = 64, .family = Family::outliers};
  std::size_t queries = 1024;
  std::size_t rival_queries = 0;  ///< that the rivals are timed on
  double epsilon = 0.05;
  Engine engine = {"tbb", 2};
  std::string isa;
  std::string json;
  int threads = 2;  ///< 1 for the streaming engine: its rivals get no more than it has
  int repeats = 7;
  int faiss_repeats = 3;
  bool rivals_only = false;
};

/// Ends the program after --help (status 0) and on bad usage (status 2).
HeavyEntriesOptions parse_heavy_entries_options(int argc, char** argv);

}  // namespace heavykeys::bench
