#include "lib/byte_stream.hpp"

namespace heavykeys::detail {

void ByteWriter::put_bytes(const void* data, std::size_t size) {
  const auto* p = static_cast<const std::byte*>(data);
  bytes_.insert(bytes_.end(), p, p + size);
}

}  // namespace heavykeys::detail
