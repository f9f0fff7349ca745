// What absorb can be asked on its command line.
#pragma once

#include <cstddef>
#include <string>

namespace heavykeys::bench {

struct AbsorbOptions {
  std::size_t dim = 64;
  std::size_t rows = 0;
  std::size_t outliers = 40;
  std::string dtype = "f32";
  std::string family = "gaussian";
  std::string engine = "tbb";
  std::string isa;
  std::string json;
  double epsilon = 0.05;
  int threads = 2;  ///< 1 for the streaming engine: its rivals get no more than it has
  int repeats = 7;
  bool rivals_only = false;
};

/// Bytes of one entry of the keys.
std::size_t element_bytes(const AbsorbOptions& options);

/// Ends the program after --help (status 0) and on bad usage (status 2).
AbsorbOptions parse_absorb_options(int argc, char** argv);

}  // namespace heavykeys::bench
