// Where find, scan and finalize write: --out and --report.
#pragma once

#include <string>
#include <vector>

#include "tools/options.hpp"
#include "tools/report.hpp"

namespace heavykeys::tools {

/// Says before a long pass what cannot be written. --out: a folder of other files, or with one of the
/// `inputs` in it. --report: no folder, a folder's name, no regular file, no permission, a name inside --out,
/// or one that would replace an input. Throws InvalidInput.
void check_outputs(const ReportOptions& options, const std::vector<std::string>& inputs);

}  // namespace heavykeys::tools
