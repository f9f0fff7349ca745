#include "tools/page_file.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "heavykeys/error.hpp"
#include "lib/atomic_file.hpp"
#include "tools/results.hpp"

namespace heavykeys::tools {
namespace {

namespace fs = std::filesystem;

/// K of --keys, or the file of FILE.safetensors:TENSOR.
bool is_same_file(const fs::path& page, const std::string& input) {
  std::error_code ignored;
  return fs::equivalent(page, input, ignored) ||
         fs::equivalent(page, input.substr(0, input.find_last_of(':')), ignored);
}

/// True when `file` would lie in `folder` or below it.
bool is_inside(const fs::path& file, const fs::path& folder) {
  fs::path base = fs::weakly_canonical(fs::absolute(folder) / "");
  if (!base.has_filename()) base = base.parent_path();
  for (fs::path at = fs::weakly_canonical(fs::absolute(file)).parent_path(); at != at.root_path();
       at = at.parent_path()) {
    if (at == base) return true;
  }
  return false;
}

void refuse(const std::string& file, const std::string& reason) {
  throw InvalidInput("--report " + file + ": " + reason);
}

}  // namespace

void check_page(const ReportOptions& options, const std::vector<std::string>& inputs) try {
  const std::string& file = options.page;
  if (file.empty()) return;
  if (file == "-") refuse(file, "needs a file; stdout is for the table or for --json");
  check_parent_folder(file);
  if (fs::exists(file) && !fs::is_regular_file(file)) refuse(file, "is not a regular file");
  for (const std::string& input : inputs) {
    if (is_same_file(file, input)) refuse(file, "is an input of this run");
  }
  if (!options.out.empty() && is_inside(file, options.out))
    refuse(file, "is inside --out " + options.out + ", which holds nothing but results");
  const fs::path folder =
      fs::absolute(fs::exists(file) ? fs::path(file) : detail::behind_links(file)).parent_path();
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    refuse(file, folder.string() + " cannot be written to: " + std::strerror(errno));
} catch (const fs::filesystem_error& error) {
  throw InvalidInput("--report " + options.page + ": " + error.code().message());
}

}  // namespace heavykeys::tools
