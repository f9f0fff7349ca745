// What each verb does. All throw; main turns what they throw into a line and an exit code.
#pragma once

#include "tools/options.hpp"

namespace heavykeys::tools {

void run(const FindOptions& options);
void run(const ScanVerbOptions& options);
void run(const SketchOptions& options);
void run(const MergeOptions& options);
void run(const FinalizeOptions& options);
void run(const ShowOptions& options);
void run(const EnginesOptions& options);

}  // namespace heavykeys::tools
