// Files that are either the old ones or the new ones, whatever happens in between.
#pragma once

#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <vector>

#include "lib/siblings.hpp"

namespace heavykeys::detail {

/// Writes `bytes` to a temporary file beside `path`, syncs it, renames it over `path` and syncs the folder:
/// on return the file survives a power cut. Throws BackendError, the text beginning with the path and ending
/// with the system's reason; the temporary file is then gone, and at `path` is the older file untouched or,
/// where only the folder could not be synced, the new one, whole. Where `path` is a link, what it points to
/// is written. The mode of an older file stays, and nobody gets to read the new one who could not read that.
HEAVYKEYS_SIBLINGS void write_file_atomically(const std::filesystem::path& path,
                                              std::span<const std::byte> bytes);

/// The same for parts that follow each other in the file.
HEAVYKEYS_SIBLINGS void write_file_atomically(const std::filesystem::path& path,
                                              std::initializer_list<std::span<const std::byte>> parts);

/// The file that is written for `path`: links are followed, also one to a file that is yet to be made.
/// Throws std::filesystem::filesystem_error.
HEAVYKEYS_SIBLINGS std::filesystem::path behind_links(const std::filesystem::path& path);

/// Makes durable what was made, renamed and removed in a folder. Throws BackendError as above.
HEAVYKEYS_SIBLINGS void sync_folder(const std::filesystem::path& path);

/// All bytes of a file. Throws BackendError, the text beginning with the path and ending with the system's
/// reason.
HEAVYKEYS_SIBLINGS std::vector<std::byte> read_file(const std::filesystem::path& path);

}  // namespace heavykeys::detail
