#include "tools/pattern_files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "heavykeys/files.hpp"
#include "tools/context.hpp"

namespace heavykeys::tools {
namespace {

namespace fs = std::filesystem;

/// A one-dimensional .npy of this dtype, whole.
template <class T>
std::vector<T> read_vector(const std::string& file, const std::string& descr) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw InvalidInput(file + ": " + std::strerror(errno));
  const std::vector<char> bytes{std::istreambuf_iterator<char>(stream), {}};
  const NpyHeader header =
      parse_npy_header(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size(), file);
  if (header.header_bytes > bytes.size()) throw InvalidInput(file + ": ends in the middle of the npy header");
  if (header.descr != descr)
    throw InvalidInput(file + ": dtype " + header.descr + " is not \"" + descr + "\"");
  if (header.shape.size() != 1) {
    throw InvalidInput(file + ": has " + std::to_string(header.shape.size()) +
                       " dimensions; the arrays of a pattern have one");
  }
  const std::size_t size = bytes.size() - header.header_bytes;
  if (size % sizeof(T) != 0 || size / sizeof(T) != header.shape[0]) {
    throw InvalidInput(file + ": " + std::to_string(size) + " bytes are not the " +
                       std::to_string(header.shape[0]) + " elements that its header promises");
  }
  std::vector<T> values(header.shape[0]);
  if (size != 0) std::memcpy(values.data(), bytes.data() + header.header_bytes, size);
  return values;
}

SparsePattern read_arrays(const fs::path& folder) {
  SparsePattern pattern;
  pattern.indptr = read_vector<std::int64_t>((folder / "indptr.npy").string(), "<i8");
  pattern.indices = read_vector<std::int64_t>((folder / "indices.npy").string(), "<i8");
  pattern.values = read_vector<double>((folder / "values.npy").string(), "<f8");
  pattern.rows = pattern.indptr.empty() ? 0 : pattern.indptr.size() - 1;
  if (!pattern.indices.empty()) {
    const std::int64_t last = *std::ranges::max_element(pattern.indices);
    constexpr std::int64_t kMost = std::int64_t{1} << 32;  // what shape_of takes, said of the index
    if (last >= kMost) throw InvalidInput("index " + std::to_string(last) + " is not below 2^32");
    pattern.columns = std::max(pattern.rows, static_cast<std::size_t>(std::max<std::int64_t>(last, 0)) + 1);
  }
  return pattern;
}

}  // namespace

SparsePattern read_pattern(const std::string& name) {
  return in_file(name, [&] {
    std::error_code ignored;
    if (fs::is_directory(name, ignored)) return read_arrays(name);
    const Tensor dense = open_tensor(name);
    if (dense.shape.size() != 2)
      throw InvalidInput("has " + std::to_string(dense.shape.size()) + " dimensions; a pattern is [L, L']");
    return pattern_of(dense.head(0));
  });
}

}  // namespace heavykeys::tools
