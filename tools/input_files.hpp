// What a run reads must survive what it writes.
#pragma once

#include <string>
#include <vector>

namespace heavykeys::tools {

/// Throws InvalidInput, naming `option`, when writing `file` would replace one of the `inputs`, or a file of
/// one that is a folder. An input is a path, FILE:TENSOR, "-" for standard input (which may be a file), or
/// empty for none. Links are followed.
void check_keeps_inputs(const std::string& option, const std::string& file,
                        const std::vector<std::string>& inputs);

/// The same for a folder whose results are replaced: when an input is that folder, or lies in it.
void check_folder_keeps_inputs(const std::string& option, const std::string& folder,
                               const std::vector<std::string>& inputs);

/// True when `file` is `folder`, or would lie in it or below it. Neither need exist; links are followed.
bool is_inside(const std::string& file, const std::string& folder);

}  // namespace heavykeys::tools
