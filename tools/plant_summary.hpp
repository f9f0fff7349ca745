// What a plant has to tell, for summary.json and for the terminal.
#pragma once

#include <optional>
#include <string>

#include "heavykeys/sparse_pattern.hpp"
#include "tools/summary.hpp"

namespace heavykeys::tools {

struct PlantReport {
  std::string input;  ///< the pattern's file; empty: random
  PatternShape shape;
  std::size_t nonzeros = 0;  ///< of the whole pattern
  std::string construction;
  std::string dtype;
  PlantOptions options;  ///< as used
  PlantedDim bound;
  bool exact = false;
  std::optional<SmallestDim> search;
  std::size_t trials = 0;
  PatternPrecision found;
  std::string engine;
  int threads = 1;
  double search_seconds = 0.0, plant_seconds = 0.0, verify_seconds = 0.0;

  bool met() const { return found.meets(options.epsilon1, options.epsilon2); }
};

Json summary(const PlantReport& report);
std::string table(const PlantReport& report);

}  // namespace heavykeys::tools
