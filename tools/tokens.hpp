// A text file that names rows: line i is the token of row i.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace heavykeys::tools {

/// Throws InvalidInput unless the file has as many lines as there are rows. Workspace: one line.
void check_tokens(const std::string& file, std::uint64_t row_count);

/// The lines with these numbers, from 0.
std::map<std::uint64_t, std::string> read_tokens(const std::string& file,
                                                 const std::set<std::uint64_t>& rows);

}  // namespace heavykeys::tools
