// The result folder: whole files only, and never anybody else's.
#pragma once

#include <filesystem>
#include <string>

#include "tools/report.hpp"

namespace heavykeys::tools {

/// Says before a long pass, rather than after it, that DIR cannot take results.
/// Throws InvalidInput when DIR holds anything that is not a result, or its parent is missing.
void check_result_folder(const std::filesystem::path& folder);

/// Throws InvalidInput when the folder that a state file is to go into is missing.
void check_parent_folder(const std::filesystem::path& file);

/// Writes the arrays and summary.json. A new DIR appears complete; in an older one each file is replaced
/// whole, summary.json last. Throws BackendError; nothing unfinished is then left.
void write_results(const std::filesystem::path& folder, const Report& report);

}  // namespace heavykeys::tools
