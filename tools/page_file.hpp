// The file that --report writes.
#pragma once

#include <string>
#include <vector>

#include "tools/options.hpp"
#include "tools/report.hpp"

namespace heavykeys::tools {

/// Says before a long pass that the page cannot be written: no folder, a folder's name, no regular file, no
/// permission, a name inside --out, or that of one of the `inputs`. Throws InvalidInput. Nothing is checked
/// without --report.
void check_page(const ReportOptions& options, const std::vector<std::string>& inputs);

}  // namespace heavykeys::tools
