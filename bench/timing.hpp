// Medians, and contenders measured in turn so that a noisy neighbour falls on all of them alike.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace heavykeys::bench {

struct Stats {
  double median = 0;
  double min = 0;
  double max = 0;
};

Stats stats_of(std::vector<double> values);

template <class Work>
double seconds_of(Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Of one call, the mean of many: what takes a millisecond or less would be measured with the clock and the
/// caches of a processor that slept before (interleave waits for idle workers).
template <class Work>
double seconds_each(int calls, Work&& work) {
  work();
  return seconds_of([&] {
           for (int call = 0; call < calls; ++call) {
             work();
             asm volatile("" ::: "memory");  // so that no call is left out for doing what the last one did
           }
         }) /
         calls;
}

/// One thing to be measured. `run` does the work once and returns the seconds that count.
struct Contender {
  std::string name;
  int repeats;
  std::function<double()> run;
};

struct Measured {
  std::string name;
  std::vector<double> seconds;  ///< [repeats], in the order they were taken

  Stats stats() const { return stats_of(seconds); }
};

/// A B C A B C ...; a contender with fewer repeats drops out of the later rounds.
/// Progress goes to stderr, only on a terminal.
std::vector<Measured> interleave(const std::vector<Contender>& contenders);

/// How many times faster `fast` is than `slow`: the ratio of medians; min and max are over the rounds that
/// both ran, each round paired with itself.
Stats speedup(const Measured& fast, const Measured& slow);

}  // namespace heavykeys::bench
