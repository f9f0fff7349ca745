#include <cerrno>
#include <cstring>
#include <fstream>
#include <vector>

#include "heavykeys/error.hpp"
#include "heavykeys/streaming.hpp"
#include "lib/atomic_file.hpp"

namespace heavykeys::streaming {

void save(const Sketch& sketch, const std::filesystem::path& path) {
  detail::write_file_atomically(path, to_bytes(sketch));
}

Sketch load(const std::filesystem::path& path, const std::vector<Score>& custom) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file || std::filesystem::is_directory(path)) {
    throw BackendError(path.string() + ": cannot be read: " + std::strerror(file ? EISDIR : errno));
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(file.tellg()));
  file.seekg(0);
  if (!file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()))) {
    throw BackendError(path.string() + ": cannot be read: " + std::strerror(errno));
  }
  try {
    return from_bytes(bytes, custom);
  } catch (const Corrupt& e) {
    throw Corrupt(path.string() + ": " + e.what());
  }
}

}  // namespace heavykeys::streaming
