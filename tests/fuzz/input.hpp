// Numbers from the bytes of an input, first byte first; zeros once they have run out.
#pragma once

#include <cstdint>

#include "fuzz/target.hpp"

namespace fuzz {

class Input {
 public:
  explicit Input(Bytes bytes) : bytes_(bytes) {}

  bool at_end() const { return bytes_.empty(); }
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const auto value = std::to_integer<std::uint8_t>(bytes_.front());
    bytes_ = bytes_.subspan(1);
    return value;
  }
  /// 0 .. n - 1, n at most 256.
  std::size_t below(std::size_t n) { return byte() % n; }
  template <class List>
  const auto& pick(const List& list) {
    return list[below(std::size(list))];
  }

 private:
  Bytes bytes_;
};

}  // namespace fuzz
