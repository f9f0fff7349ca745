#include <vector>

#include "heavykeys/error.hpp"
#include "heavykeys/streaming.hpp"
#include "lib/atomic_file.hpp"

namespace heavykeys::streaming {

void save(const Sketch& sketch, const std::filesystem::path& path) {
  detail::write_file_atomically(path, to_bytes(sketch));
}

Sketch load(const std::filesystem::path& path, const std::vector<Score>& custom) {
  try {
    return from_bytes(detail::read_file(path), custom);
  } catch (const Corrupt& e) {
    throw Corrupt(path.string() + ": " + e.what());
  }
}

}  // namespace heavykeys::streaming
