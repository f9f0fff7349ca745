// The causal pass of a find: each query sees the keys up to its own row.
#pragma once

#include <vector>

#include "tools/answer.hpp"
#include "tools/engine.hpp"
#include "tools/key_source.hpp"
#include "tools/report.hpp"

namespace heavykeys::tools {

struct CausalQuestion {
  KeySource& keys;
  const Spec& spec;
  const Queries& queries;
  HeavyOptions what;
  bool quiet = false;
};

/// One finding for each head; times go to `run`. Collective. A rank that does not hold the last rows of a
/// head reads its rows of it twice: those after it cannot begin before they know what is in them.
std::vector<Finding> find_causal(const CausalQuestion& asked, const Engine& engine, RunInfo& run);

}  // namespace heavykeys::tools
