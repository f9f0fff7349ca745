// What heavykeys eigen has to tell: summary.json, the table and the arrays.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "heavykeys/eigen_analysis.hpp"
#include "tools/options.hpp"

namespace heavykeys::tools {

/// What components are of: all heads together, or one.
struct EigenGroup {
  std::size_t first_head = 0, heads = 1;
  PrincipalComponents components;
};

struct EigenReport {
  const EigenOptions* options = nullptr;
  std::string name;             ///< of the scores, or of what was gone on from
  std::size_t size = 0;         ///< matrices are [n, n]; 0: not known, all came from covariances
  std::size_t left_out = 0;     ///< rows of each head that fill no window
  std::optional<double> scale;  ///< of scores that were made
  CovarianceSpec spec;
  bool apart = false;  ///< a folder for each head
  std::vector<EigenGroup> groups;
};

/// Writes the folder, and stdout, as the options ask.
void deliver(const EigenReport& report);

}  // namespace heavykeys::tools
