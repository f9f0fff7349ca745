// A whole regular file mapped read-only, shared by everything that points into it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>

namespace heavykeys::detail {

/// The bytes of a file. Copies share the mapping. An empty file has size 0 and no data.
struct MappedFile {
  std::shared_ptr<const std::byte> data;
  std::size_t size = 0;
};

/// Maps `path` for one sequential read.
/// Throws InvalidInput, the text beginning with the path, when it is missing, unreadable or not a regular
/// file.
MappedFile map_file(const std::filesystem::path& path);

}  // namespace heavykeys::detail
