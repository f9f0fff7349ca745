// A bar on stderr for passes that take a while.
#pragma once

#include <chrono>
#include <cstdint>

namespace heavykeys::tools {

/// Draws nothing unless stderr is a terminal. Its line is gone when it goes out of scope.
class Progress {
 public:
  Progress(std::uint64_t total_rows, bool quiet);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  void add(std::uint64_t rows);

 private:
  void draw() const;

  using Clock = std::chrono::steady_clock;
  std::uint64_t total_;
  std::uint64_t done_ = 0;
  bool visible_;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_draw_ = start_;
};

}  // namespace heavykeys::tools
