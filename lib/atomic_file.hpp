// Files that are either the old ones or the new ones, whatever happens in between.
#pragma once

#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <vector>

#include "lib/siblings.hpp"

namespace heavykeys::detail {

/// Writes `bytes` to a temporary file beside `path`, syncs it and renames it over `path`.
/// Throws BackendError, the text beginning with the path and ending with the system's reason; the
/// temporary file is then gone and an older file at `path` untouched.
HEAVYKEYS_SIBLINGS void write_file_atomically(const std::filesystem::path& path,
                                              std::span<const std::byte> bytes);

/// The same for parts that follow each other in the file.
HEAVYKEYS_SIBLINGS void write_file_atomically(const std::filesystem::path& path,
                                              std::initializer_list<std::span<const std::byte>> parts);

/// All bytes of a file. Throws BackendError, the text beginning with the path and ending with the system's
/// reason.
HEAVYKEYS_SIBLINGS std::vector<std::byte> read_file(const std::filesystem::path& path);

}  // namespace heavykeys::detail
