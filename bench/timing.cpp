#include "bench/timing.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <thread>

namespace heavykeys::bench {
namespace {

// Idle OpenBLAS and libgomp workers spin for some 2^26 cycles before they sleep, and would take a core from
// whoever is measured next.
constexpr auto settle_time = std::chrono::milliseconds(120);

double median_of(const std::vector<double>& sorted) {
  const std::size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : 0.5 * (sorted[half - 1] + sorted[half]);
}

}  // namespace

Stats stats_of(std::vector<double> values) {
  if (values.empty()) throw std::invalid_argument("stats_of: no values");
  std::sort(values.begin(), values.end());
  return {median_of(values), values.front(), values.back()};
}

std::vector<Measured> interleave(const std::vector<Contender>& contenders) {
  std::vector<Measured> measured;
  int rounds = 0;
  for (const Contender& contender : contenders) {
    measured.push_back({contender.name, {}});
    rounds = std::max(rounds, contender.repeats);
  }
  const bool terminal = isatty(STDERR_FILENO) != 0;
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      if (round >= contenders[i].repeats) continue;
      std::this_thread::sleep_for(settle_time);
      if (terminal)
        std::fprintf(stderr, "\r\033[Kround %d/%d: %s", round + 1, rounds, contenders[i].name.c_str());
      measured[i].seconds.push_back(contenders[i].run());
    }
  }
  if (terminal) std::fprintf(stderr, "\r\033[K");
  return measured;
}

Stats speedup(const Measured& fast, const Measured& slow) {
  std::vector<double> rounds;
  for (std::size_t i = 0; i < std::min(fast.seconds.size(), slow.seconds.size()); ++i) {
    rounds.push_back(slow.seconds[i] / fast.seconds[i]);
  }
  Stats ratio = stats_of(rounds);
  ratio.median = slow.stats().median / fast.stats().median;
  return ratio;
}

}  // namespace heavykeys::bench
