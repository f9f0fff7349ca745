// The schedules under test behind one face, and large keys with something heavy in them.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/parallel.hpp"
#include "heavykeys/streaming.hpp"
#include "support/families.hpp"
#include "support/sketches.hpp"

namespace engines {

enum class Schedule { streaming, tbb, openmp };

/// Those of this build.
inline std::vector<Schedule> built() {
  std::vector<Schedule> all = {Schedule::streaming};
  if (HEAVYKEYS_TESTS_TBB) all.push_back(Schedule::tbb);
  if (HEAVYKEYS_TESTS_OPENMP) all.push_back(Schedule::openmp);
  return all;
}

struct Engine {
  Schedule schedule = Schedule::streaming;
  int threads = 1;

  std::string name() const {
    const char* names[] = {"streaming", "tbb", "openmp"};
    return std::string(names[static_cast<int>(schedule)]) + " x" + std::to_string(threads);
  }
  heavykeys::parallel::Options options() const {
    return {schedule == Schedule::openmp ? heavykeys::parallel::Runtime::openmp
                                         : heavykeys::parallel::Runtime::tbb,
            threads};
  }
  void absorb(heavykeys::Sketch& sketch, const heavykeys::Rows& rows) const {
    if (schedule == Schedule::streaming) {
      heavykeys::streaming::absorb(sketch, rows);
    } else {
      heavykeys::parallel::absorb(sketch, rows, options());
    }
  }
  void absorb(heavykeys::Covariance& covariance, const heavykeys::Rows& samples) const {
    if (schedule == Schedule::streaming) {
      heavykeys::streaming::absorb(covariance, samples);
    } else {
      heavykeys::parallel::absorb(covariance, samples, options());
    }
  }
  heavykeys::HeavyEntries heavy_entries(const heavykeys::UniversalSet& set,
                                        const heavykeys::Rows& queries) const {
    if (schedule == Schedule::streaming) return heavykeys::heavy_entries(set, queries);
    return heavykeys::parallel::heavy_entries(set, queries, options());
  }
  void absorb(heavykeys::CausalHeavy& pass, const heavykeys::Rows& keys) const {
    if (schedule == Schedule::streaming) {
      pass.absorb(keys);
    } else {
      heavykeys::parallel::absorb(pass, keys, options());
    }
  }
  void absorb(heavykeys::Scan& scan, const heavykeys::Rows& keys) const {
    if (schedule == Schedule::streaming) {
      scan.absorb(keys);
    } else {
      heavykeys::parallel::absorb(scan, keys, options());
    }
  }
  void absorb(heavykeys::Verification& pass, const heavykeys::Rows& keys) const {
    if (schedule == Schedule::streaming) {
      pass.absorb(keys);
    } else {
      heavykeys::parallel::absorb(pass, keys, options());
    }
  }
};

/// Uses an instruction set for one scope, and goes back to the best one.
class UsingIsa {
 public:
  explicit UsingIsa(const std::string& name) { heavykeys::set_isa(name); }
  ~UsingIsa() { heavykeys::set_isa(heavykeys::available_isas().back()); }
  UsingIsa(const UsingIsa&) = delete;
  UsingIsa& operator=(const UsingIsa&) = delete;
};

inline void scale_row(support::Matrix& m, std::size_t r, double by) {
  for (std::size_t c = 0; c < m.cols; ++c) m(r, c) *= by;
}

/// Gaussian with planted outliers, duplicates and zero rows.
inline support::Matrix planted(std::size_t n, std::size_t d, support::Random& random) {
  support::Matrix m = support::gaussian({n, d}, random);
  for (std::size_t i = 0; i < 40; ++i) scale_row(m, random.below(n), 20.0 + static_cast<double>(i));
  for (std::size_t i = 0; i < n / 10; ++i) {
    std::copy_n(m.row(random.below(n)), d, m.row(random.below(n)));
    scale_row(m, random.below(n), 0.0);
  }
  return m;
}

/// Whole numbers of rank about d/2, a power of two for each 1000 rows: exact ties and a singular Gram matrix.
inline support::Matrix deficient(std::size_t n, std::size_t d, support::Random& random) {
  const std::size_t rank = (d + 1) / 2;
  support::Matrix mix(rank, d), m(n, d);
  for (double& x : mix.values) x = random.integer(-2, 2);
  for (std::size_t r = 0; r < n; ++r) {
    const double* from = mix.row(random.below(rank));  // one-hot in the smaller space
    const double scale = std::ldexp(random.sign(), static_cast<int>(r / 1000 * 7 % 5));
    for (std::size_t c = 0; c < d; ++c) m(r, c) = scale * from[c];
  }
  return m;
}

/// Nothing but zeros, save for 1/epsilon copies of each of d directions: every leverage is a tie.
inline support::Matrix ties(std::size_t n, std::size_t d, double epsilon, support::Random& random) {
  const auto copies = static_cast<std::size_t>(1.0 / epsilon + 0.5);
  support::Matrix m(n, d);
  std::size_t r = 0;
  for (std::size_t a = 0; a < d; ++a) {
    for (std::size_t i = 0; i < copies && r < n; ++i, ++r) m(r, a) = random.sign();
  }
  return support::shuffled(m, random);
}

/// Rows and columns of very different size.
inline support::Matrix scaled(std::size_t n, std::size_t d, support::Random& random) {
  support::Matrix m = support::gaussian({n, d}, random);
  for (std::size_t r = 0; r < n; ++r) scale_row(m, r, std::ldexp(1.0, -random.integer(0, 12)));
  for (std::size_t c = 0; c < d; ++c) {
    const double by = std::ldexp(1.0, random.integer(-6, 6));
    for (std::size_t r = 0; r < n; ++r) m(r, c) *= by;
  }
  return m;
}

inline const std::vector<std::string>& kinds() {
  static const std::vector<std::string> names = {"planted", "deficient", "ties", "scaled"};
  return names;
}

inline support::Matrix make_keys(std::size_t kind, std::size_t n, std::size_t d, double epsilon,
                                 support::Random& random) {
  switch (kind) {
    case 0:
      return planted(n, d, random);
    case 1:
      return deficient(n, d, random);
    case 2:
      return ties(n, d, epsilon, random);
    default:
      return scaled(n, d, random);
  }
}

/// m queries: gaussian, and every other one a key with some noise, so that entries are found.
inline support::Matrix make_queries(const support::Matrix& keys, std::size_t m, support::Random& random) {
  support::Matrix q = support::gaussian({m, keys.cols}, random);
  for (std::size_t i = 0; i < m; i += 2) {
    const double* key = keys.row(random.below(keys.rows));
    for (std::size_t c = 0; c < keys.cols; ++c) q(i, c) = key[c] + (i % 4 == 0 ? 0.0 : q(i, c) / 64);
  }
  return q;
}

/// "" when equal in every bit.
inline std::string difference(const heavykeys::UniversalSet& a, const heavykeys::UniversalSet& b) {
  if (!std::ranges::equal(a.ids(), b.ids())) return "ids of U differ";
  if (!support::same_bits(a.leverage(), b.leverage())) return "leverages differ";
  if (!support::same_bits(a.keys(), b.keys())) return "keys of U differ";
  if (a.rank() != b.rank() || a.row_count() != b.row_count()) return "rank or row count differ";
  return {};
}

inline std::string difference(const heavykeys::HeavyEntries& a, const heavykeys::HeavyEntries& b) {
  if (a.indptr != b.indptr || a.keys != b.keys) return "entries differ";
  if (!support::same_bits(a.weights, b.weights)) return "weights differ";
  if (!support::same_bits(a.lower, b.lower) || !support::same_bits(a.upper, b.upper)) return "bounds differ";
  return a == b ? "" : "not ==";
}

}  // namespace engines
