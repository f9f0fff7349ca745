#include "tools/key_ids.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "heavykeys/error.hpp"
#include "heavykeys/files.hpp"

namespace heavykeys::tools {
namespace {

namespace fs = std::filesystem;

std::vector<char> read_file(const std::string& file) {
  std::error_code ignored;
  if (fs::is_directory(file, ignored)) throw InvalidInput(file + ": is a directory");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw InvalidInput(file + ": " + std::strerror(errno));
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

std::string key_id_file(const std::string& name, bool has_heads, std::size_t heads, std::size_t head) {
  const fs::path path(name);
  if (!fs::is_directory(path)) {
    if (heads > 1) {
      throw InvalidInput(name + ": one file cannot name keys of " + std::to_string(heads) +
                         " heads; give the folder that find wrote");
    }
    return name;
  }
  // The file that find writes last: without it, arrays may be of two runs.
  const fs::path folder = has_heads ? path / fmt::format("head-{:03}", head) : path;
  if (fs::exists(folder / "universal_set.npy") && !fs::exists(path / "summary.json"))
    throw InvalidInput(name + ": has no summary.json: the run that wrote it did not finish");
  if (fs::exists(folder / "universal_streams.npy"))
    throw InvalidInput(folder.string() + ": holds keys of several streams; a scan has one");
  return (folder / "universal_set.npy").string();
}

std::vector<KeyId> read_key_ids(const std::string& file, std::uint64_t row_count) {
  const std::vector<char> bytes = read_file(file);
  const NpyHeader header =
      parse_npy_header(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size(), file);
  if (header.header_bytes > bytes.size()) throw InvalidInput(file + ": ends in the middle of the npy header");
  if (header.descr != "<i8") throw InvalidInput(file + ": dtype " + header.descr + " is not int64 (\"<i8\")");
  if (header.shape.size() != 1) {
    throw InvalidInput(file + ": has " + std::to_string(header.shape.size()) +
                       " dimensions; row ids have one");
  }
  const std::size_t size = bytes.size() - header.header_bytes;
  if (size % sizeof(std::int64_t) != 0 || size / sizeof(std::int64_t) != header.shape[0]) {
    throw InvalidInput(file + ": " + std::to_string(size) + " bytes are not the " +
                       std::to_string(header.shape[0]) + " row ids that its header promises");
  }
  std::vector<KeyId> ids(header.shape[0]);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    std::int64_t row = 0;
    std::memcpy(&row, bytes.data() + header.header_bytes + i * sizeof row, sizeof row);
    if (row < 0 || static_cast<std::uint64_t>(row) >= row_count) {
      throw InvalidInput(file + ": id " + std::to_string(row) + " at position " + std::to_string(i) +
                         " is not a row of " + std::to_string(row_count) + " keys");
    }
    ids[i].row = static_cast<std::uint64_t>(row);
  }
  return ids;
}

}  // namespace heavykeys::tools
