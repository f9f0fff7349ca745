// The machine the figures were taken on, and the most it can do: how fast its threads can read memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>

namespace heavykeys::bench {

/// Runs work(0) .. work(threads - 1), one thread each, and waits for all.
void run_on_threads(int threads, const std::function<void(int)>& work);

/// How many processors this process may use.
int allowed_cpus();

/// cpu model, instruction sets, caches, allowed processors, load, date (UTC).
nlohmann::json describe_machine();

/// How many processors other processes kept busy since this was made: figures taken beside much of it are
/// void.
class OtherWork {
 public:
  OtherWork();
  double processors() const;

 private:
  double all_start_;  // seconds of all processors not idle
  double own_start_;
  double start_;
};

/// Ways to read memory once; which is fastest depends on the prefetchers.
inline constexpr int read_pattern_count = 3;
const char* read_pattern_name(int pattern);

/// Reads every byte of data once, cut evenly over the threads, and returns the sum of its 64-bit words
/// (so that nothing can be optimised away). Needs bytes % 4096 == 0; a tail is not read.
std::uint64_t read_all(const void* data, std::size_t bytes, int threads, int pattern);

/// The fastest pattern on this buffer, by trial.
int best_read_pattern(const void* data, std::size_t bytes, int threads);

/// Zeroed memory on huge pages where the system grants them: page walks would otherwise be measured too.
class Buffer {
 public:
  explicit Buffer(std::size_t bytes);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  float* floats() const { return static_cast<float*>(data_); }
  std::uint16_t* halves() const { return static_cast<std::uint16_t*>(data_); }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace heavykeys::bench
