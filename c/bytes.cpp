// Sketches as bytes and files.
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "c/guard.hpp"
#include "c/handles.hpp"
#include "heavykeys/error.hpp"
#include "heavykeys/streaming.hpp"

using namespace heavykeys::c;

namespace {

void require_path(const char* path) {
  require(path, "path");
  if (*path == '\0') throw heavykeys::InvalidInput("path is empty");
}

}  // namespace

heavykeys_status heavykeys_sketch_to_bytes(const heavykeys_sketch* sketch, uint8_t** bytes, uint64_t* size) {
  return guarded([&] {
    require(sketch, "sketch");
    require(bytes, "bytes");
    require(size, "size");
    const std::vector<std::byte> made = to_bytes(sketch->value);
    auto copy = std::make_unique<uint8_t[]>(made.size());
    std::memcpy(copy.get(), made.data(), made.size());
    *size = made.size();
    *bytes = copy.release();
  });
}

void heavykeys_bytes_destroy(uint8_t* bytes) { delete[] bytes; }

heavykeys_status heavykeys_sketch_from_bytes(const void* bytes, uint64_t size, heavykeys_sketch** sketch) {
  return guarded([&] {
    if (size > 0) require(bytes, "bytes");
    require(sketch, "sketch");
    const std::span<const std::byte> view(static_cast<const std::byte*>(bytes), size);
    *sketch = new heavykeys_sketch(heavykeys::from_bytes(view));
  });
}

heavykeys_status heavykeys_sketch_save(const heavykeys_sketch* sketch, const char* path) {
  return guarded([&] {
    require(sketch, "sketch");
    require_path(path);
    heavykeys::streaming::save(sketch->value, path);
  });
}

heavykeys_status heavykeys_sketch_load(const char* path, heavykeys_sketch** sketch) {
  return guarded([&] {
    require_path(path);
    require(sketch, "sketch");
    *sketch = new heavykeys_sketch(heavykeys::streaming::load(path));
  });
}
