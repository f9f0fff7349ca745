#include <vector>

#include "heavykeys/error.hpp"
#include "heavykeys/streaming.hpp"
#include "lib/atomic_file.hpp"

namespace heavykeys::streaming {

namespace {

/// What `read` makes of the bytes of a file, which is named when they are not intact.
template <class Read>
auto from_file(const std::filesystem::path& path, const Read& read) {
  try {
    return read(detail::read_file(path));
  } catch (const Corrupt& e) {
    throw Corrupt(path.string() + ": " + e.what());
  }
}

}  // namespace

void save(const Sketch& sketch, const std::filesystem::path& path) {
  detail::write_file_atomically(path, to_bytes(sketch));
}

Sketch load(const std::filesystem::path& path, const std::vector<Score>& custom) {
  return from_file(path, [&](const std::vector<std::byte>& bytes) { return from_bytes(bytes, custom); });
}

void save(const Covariance& covariance, const std::filesystem::path& path) {
  detail::write_file_atomically(path, to_bytes(covariance));
}

Covariance load_covariance(const std::filesystem::path& path) {
  return from_file(path, [](const std::vector<std::byte>& bytes) { return covariance_from_bytes(bytes); });
}

}  // namespace heavykeys::streaming
