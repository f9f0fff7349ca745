// The second pass of find --verify: the keys once more, for the queries whose weights are intervals.
#pragma once

#include <string>

#include "tools/answer.hpp"
#include "tools/engine.hpp"
#include "tools/key_source.hpp"
#include "tools/report.hpp"

namespace heavykeys::tools {

struct VerifyQuestion {
  const std::string& keys;
  const KeyShape& shape;  ///< that they had in the first pass
  const Spec& spec;
  const Queries& queries;
  Mode mode{};
  bool causal = false;
  bool quiet = false;
};

/// Makes the entries of the report exact. Collective.
void verify(const VerifyQuestion& asked, const Engine& engine, Report& report);

}  // namespace heavykeys::tools
