// Limits that a correct implementation passes with probability at least 1 - 1e-6 over the seeds, from proven
// tail bounds; the seeds are fixed, so a test either always passes or never.
#pragma once

#include <cmath>
#include <cstddef>

namespace support {

inline constexpr double kChanceLog = 13.9;  // ln(1e6), rounded up

/// Successes of `trials` with probability at most p each (Chernoff): more than this is proof of p being more.
inline double most_successes(double p, std::size_t trials) {
  const double mean = p * static_cast<double>(trials);
  return mean + kChanceLog / 3 + std::sqrt(kChanceLog * kChanceLog / 9 + 2 * kChanceLog * mean);  // Bernstein
}

/// A chi-square variable with so many degrees of freedom (Laurent and Massart 2000, Lemma 1).
inline double most_chi_square(double freedom) {
  return freedom + 2 * std::sqrt(freedom * kChanceLog) + 2 * kChanceLog;
}
inline double least_chi_square(double freedom) { return freedom - 2 * std::sqrt(freedom * kChanceLog); }

}  // namespace support
