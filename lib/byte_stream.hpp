// Little-endian fields to and from bytes; a reader that never reads, or reserves, past what is there.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "heavykeys/error.hpp"
#include "lib/siblings.hpp"

namespace heavykeys::detail {

static_assert(std::endian::native == std::endian::little, "state files are written in native order");

class HEAVYKEYS_SIBLINGS ByteWriter {
 public:
  template <class T>
  void put(T value) {
    put_array(&value, 1);
  }
  template <class T>
  void put_array(const T* data, std::size_t count) {
    put_bytes(data, count * sizeof(T));
  }
  void put_bytes(const void* data, std::size_t size);
  std::vector<std::byte> take() { return std::move(bytes_); }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <class T>
  T get() {
    T value;
    std::memcpy(&value, claim(sizeof(T)), sizeof(T));
    return value;
  }
  /// `count` elements; the claim is checked before memory is taken.
  template <class T>
  std::vector<T> get_array(std::uint64_t count) {
    if (count > bytes_.size() / sizeof(T)) fail("an array is longer than the file");
    const std::byte* from = claim(static_cast<std::size_t>(count) * sizeof(T));
    std::vector<T> out(static_cast<std::size_t>(count));
    if (count > 0) std::memcpy(out.data(), from, out.size() * sizeof(T));
    return out;
  }
  bool at_end() const { return bytes_.empty(); }
  std::size_t left() const { return bytes_.size(); }

  [[noreturn]] static void fail(const std::string& what) { throw Corrupt("not intact: " + what); }

 private:
  const std::byte* claim(std::size_t size) {
    if (size > bytes_.size()) fail("it ends too early");
    const std::byte* p = bytes_.data();
    bytes_ = bytes_.subspan(size);
    return p;
  }
  std::span<const std::byte> bytes_;
};

}  // namespace heavykeys::detail
