// What each verb does. All throw; main turns what they throw into a line and an exit code. Those that have
// engines run on all ranks of the job.
#pragma once

#include "tools/job.hpp"
#include "tools/options.hpp"

namespace heavykeys::tools {

void run(const FindOptions& options, Job& job);
void run(const ScanVerbOptions& options, Job& job);
void run(const SketchOptions& options, Job& job);
void run(const MergeOptions& options);
void run(const FinalizeOptions& options, Job& job);
void run(const ShowOptions& options);
void run(const EigenOptions& options, Job& job);
void run(const OverlapOptions& options);
void run(const ReconstructOptions& options);
void run(const PlantVerbOptions& options, Job& job);
void run(const EnginesOptions& options);

}  // namespace heavykeys::tools
