#include "tools/input_files.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "heavykeys/error.hpp"

namespace heavykeys::tools {
namespace {

namespace fs = std::filesystem;

/// True for what standard input reads, if that is a file.
bool is_standard_input(const fs::path& page) {
  struct stat in = {}, file = {};
  return ::fstat(STDIN_FILENO, &in) == 0 && ::stat(page.c_str(), &file) == 0 && in.st_dev == file.st_dev &&
         in.st_ino == file.st_ino;
}

/// The files that an input may mean: FILE of FILE.safetensors:TENSOR, whose names may both hold colons.
std::vector<std::string> files_of(const std::string& input) {
  std::vector<std::string> files = {input};
  for (auto colon = input.find(':'); colon != std::string::npos; colon = input.find(':', colon + 1))
    files.push_back(input.substr(0, colon));
  return files;
}

bool is_same_file(const std::string& file, const std::string& input) {
  if (input == "-") return is_standard_input(file);
  return std::ranges::any_of(files_of(input), [&](const std::string& name) {
    std::error_code ignored;
    return fs::equivalent(file, name, ignored);
  });
}

/// Links followed, and without a slash at the end.
fs::path canonical(const std::string& name) {
  const fs::path path = fs::weakly_canonical(fs::absolute(name) / "");
  return path.has_filename() ? path : path.parent_path();
}

}  // namespace

bool is_inside(const std::string& file, const std::string& folder) {
  const fs::path base = canonical(folder);
  for (fs::path at = canonical(file); at != at.root_path(); at = at.parent_path()) {
    if (at == base) return true;
  }
  return false;
}

void check_keeps_inputs(const std::string& option, const std::string& file,
                        const std::vector<std::string>& inputs) try {
  for (const std::string& input : inputs) {
    if (is_same_file(file, input))
      throw InvalidInput(fmt::format("{} {}: is an input of this run", option, file));
    if (fs::is_directory(input) && fs::exists(file) && is_inside(file, input))
      throw InvalidInput(fmt::format("{} {}: is a file of {}, an input of this run", option, file, input));
  }
} catch (const fs::filesystem_error& error) {
  throw InvalidInput(fmt::format("{} {}: {}", option, file, error.code().message()));
}

void check_folder_keeps_inputs(const std::string& option, const std::string& folder,
                               const std::vector<std::string>& inputs) try {
  for (const std::string& input : inputs) {
    for (const std::string& file : files_of(input)) {
      if (file.empty() || !fs::exists(file)) continue;
      if (is_inside(file, folder)) {
        throw InvalidInput(
            fmt::format("{} {}: its results would replace {}, an input of this run", option, folder, file));
      }
    }
  }
} catch (const fs::filesystem_error& error) {
  throw InvalidInput(fmt::format("{} {}: {}", option, folder, error.code().message()));
}

}  // namespace heavykeys::tools
