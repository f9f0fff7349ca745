#include "tools/outputs.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "heavykeys/error.hpp"
#include "lib/atomic_file.hpp"
#include "tools/input_files.hpp"
#include "tools/results.hpp"

namespace heavykeys::tools {
namespace {

namespace fs = std::filesystem;

void refuse(const std::string& file, const std::string& reason) {
  throw InvalidInput("--report " + file + ": " + reason);
}

void check_page(const ReportOptions& options, const std::vector<std::string>& inputs) try {
  const std::string& file = options.page;
  if (file.empty()) return;
  if (file == "-") refuse(file, "needs a file; stdout is for the table or for --json");
  check_parent_folder(file);
  if (fs::exists(file) && !fs::is_regular_file(file)) refuse(file, "is not a regular file");
  check_keeps_inputs("--report", file, inputs);
  if (!options.out.empty() && is_inside(file, options.out))
    refuse(file,
           "is the folder of --out or inside --out " + options.out + ", which holds nothing but results");
  // A link stays and what it points to is replaced, there or not yet.
  const fs::path folder = fs::absolute(detail::behind_links(file)).parent_path();
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    refuse(file, folder.string() + " cannot be written to: " + std::strerror(errno));
} catch (const fs::filesystem_error& error) {
  throw InvalidInput("--report " + options.page + ": " + error.code().message());
}

}  // namespace

void check_outputs(const ReportOptions& options, const std::vector<std::string>& inputs) {
  if (!options.out.empty()) {
    check_result_folder(options.out);
    check_folder_keeps_inputs("--out", options.out, inputs);
  }
  check_page(options, inputs);
}

}  // namespace heavykeys::tools
