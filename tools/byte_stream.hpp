// Bytes from stdin, with a way to stop waiting for them.
#pragma once

#include <atomic>
#include <cstddef>
#include <span>

namespace heavykeys::tools {

/// Blocking reads from descriptor 0. One thread reads; any thread may cancel.
class ByteStream {
 public:
  ByteStream();

  /// Fills `bytes` and returns how many arrived: fewer at the end of the stream, or after cancel().
  /// Throws BackendError when the system cannot read.
  std::size_t read(std::span<std::byte> bytes);

  /// Makes a read that waits for a slow writer return soon, so that an error found elsewhere is reported at
  /// once.
  void cancel() { cancelled_ = true; }

 private:
  bool wait_for_data() const;

  std::atomic<bool> cancelled_ = false;
};

}  // namespace heavykeys::tools
