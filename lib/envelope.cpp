#include "lib/envelope.hpp"

#include <cstring>

#include "lib/crc64.hpp"

namespace heavykeys::detail {

namespace {

constexpr std::size_t kHeader = 32;

}  // namespace

std::vector<std::byte> seal(const Envelope& kind, std::uint32_t version, std::span<const std::byte> body) {
  ByteWriter out;
  out.put_array(kind.magic.data(), kind.magic.size());
  out.put(version);
  out.put<std::uint32_t>(0);
  out.put<std::uint64_t>(kHeader + body.size());
  out.put(crc64(body));
  out.put_array(body.data(), body.size());
  return out.take();
}

Opened unseal(const Envelope& kind, std::span<const std::byte> bytes) {
  if (bytes.size() < kHeader || std::memcmp(bytes.data(), kind.magic.data(), kind.magic.size()) != 0) {
    throw Corrupt("not " + std::string(kind.name));
  }
  ByteReader in(bytes);
  in.get<std::uint64_t>();  // the magic
  const auto version = in.get<std::uint32_t>();
  if (version > kind.version) {
    throw Corrupt(std::string(kind.name) + " of format version " + std::to_string(version) +
                  "; this program reads up to version " + std::to_string(kind.version));
  }
  if (version == 0 || in.get<std::uint32_t>() != 0) ByteReader::fail("its header is damaged");
  const auto size = in.get<std::uint64_t>();
  if (size != bytes.size()) {
    ByteReader::fail("it has " + std::to_string(bytes.size()) + " bytes and says " + std::to_string(size));
  }
  if (in.get<std::uint64_t>() != crc64(bytes.subspan(kHeader))) ByteReader::fail("its checksum is wrong");
  return {version, in};
}

}  // namespace heavykeys::detail
