#include "tools/tokens.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "heavykeys/error.hpp"

namespace heavykeys::tools {
namespace {

std::ifstream open_text(const std::string& file) {
  // A directory opens and then reads as empty; say what it is.
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) throw InvalidInput(file + ": is a directory");
  std::ifstream text(file, std::ios::binary);
  if (!text) throw InvalidInput(file + ": " + std::strerror(errno));
  return text;
}

}  // namespace

void check_tokens(const std::string& file, std::uint64_t row_count) {
  std::ifstream text = open_text(file);
  std::uint64_t lines = 0;
  for (std::string line; std::getline(text, line);) ++lines;
  if (lines == row_count) return;
  throw InvalidInput(file + ": " + std::to_string(lines) + " lines cannot name " + std::to_string(row_count) +
                     " rows");
}

std::map<std::uint64_t, std::string> read_tokens(const std::string& file,
                                                 const std::set<std::uint64_t>& rows) {
  std::map<std::uint64_t, std::string> tokens;
  std::ifstream text = open_text(file);
  std::uint64_t row = 0;
  for (std::string line; tokens.size() < rows.size() && std::getline(text, line); ++row) {
    if (line.ends_with('\r')) line.pop_back();
    if (rows.contains(row)) tokens.emplace(row, line);
  }
  return tokens;
}

}  // namespace heavykeys::tools
