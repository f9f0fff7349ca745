// Memory that the process asks operator new for, counted: for tests that a few bytes cannot claim much.
#pragma once

#include <cstddef>

namespace wire {

/// What was asked for while it lived. One at a time, one thread.
class CountedMemory {
 public:
  CountedMemory();
  CountedMemory(const CountedMemory&) = delete;
  CountedMemory& operator=(const CountedMemory&) = delete;
  ~CountedMemory();

  std::size_t greatest() const;  ///< bytes of the greatest single allocation
  std::size_t peak() const;      ///< most bytes held at once, beyond those held before
};

}  // namespace wire
