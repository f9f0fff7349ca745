// What bench_distributed can be asked on its command line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "heavykeys/rows.hpp"

namespace heavykeys::bench {

struct DistributedOptions {
  std::vector<std::uint64_t> rows{1049576};  ///< 2^20 + 1000: the last block stays open
  std::size_t dim = 64;
  double epsilon = 0.05;
  std::string score = "power:2";
  std::string dtype = "f32";
  std::size_t planted = 40;
  std::size_t most_bytes = std::size_t{1} << 30;
  std::uint64_t crowd = 0;
  int merges = 3;
  bool check = false;
  bool large = false;
  std::string json;
};

/// Every rank parses for itself. Ends the program after --help (status 0) and on bad usage (status 2).
DistributedOptions parse_distributed_options(int argc, char** argv);

}  // namespace heavykeys::bench
