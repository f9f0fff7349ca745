// The result folder: whole files only, and never anybody else's.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "tools/report.hpp"

namespace heavykeys::tools {

/// What a verb writes into its folder.
struct ResultKind {
  std::string_view owner;                   ///< for error texts
  std::span<const std::string_view> names;  ///< of files; summary.json must be one
  bool has_heads = false;                   ///< head-000, ... may be there
};

/// Says before a long pass, rather than after it, that DIR cannot take results.
/// Throws InvalidInput when DIR holds anything that is not a result, or its parent is missing.
void check_result_folder(const std::filesystem::path& folder, const ResultKind& kind);
/// Of find, scan and finalize.
void check_result_folder(const std::filesystem::path& folder);

/// Throws InvalidInput when the folder that a state file is to go into is missing.
void check_parent_folder(const std::filesystem::path& file);

/// Writes a file that is only text. Throws BackendError.
void write_text(const std::filesystem::path& path, const std::string& text);

/// `write` fills a folder that it is given, which then takes the place of DIR. A new DIR appears complete; in
/// an older one each file is replaced whole, summary.json last. Throws BackendError; nothing unfinished is
/// then left.
void write_folder(const std::filesystem::path& folder, const ResultKind& kind,
                  const std::function<void(const std::filesystem::path&)>& write);

/// The arrays and summary.json of a report, by write_folder.
void write_results(const std::filesystem::path& folder, const Report& report);

}  // namespace heavykeys::tools
