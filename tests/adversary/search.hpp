// Where the search looks: random and whitened queries, Grams of subsets, peels, and climbs from all of them.
#pragma once

#include <cstdint>

#include "tests/adversary/examiner.hpp"

namespace adversary {

class Search {
 public:
  Search(const Instance& instance, std::uint64_t seed);

  /// Goes on until so many pairs (query, key outside U) were examined, at least one round of each kind.
  void run(std::uint64_t pairs);
  const Examiner& examined() const { return examiner_; }

 private:
  std::size_t next_target();
  std::vector<double> whitened(std::size_t row) const { return whole_.solve(instance_.row(row)); }
  void random_query();
  void subset_query();
  /// The best query for row j while the keys of largest product are left out, one more at a time: the
  /// adversary of the onion.
  void peel(std::size_t j);
  /// Makes sum_l f(q.k_l) small while q.k_j = size: reweighted least squares.
  void climb(std::size_t j, std::vector<double> q, double size);
  /// Random steps from the best query so far, kept when they help.
  void wander();

  const Instance& instance_;
  support::Random random_;
  Examiner examiner_;
  Factor whole_;                         // of the Gram matrix of all keys
  std::vector<std::size_t> targets_[2];  // rows outside U by leverage: in all, and in what U leaves
  std::size_t turn_ = 0;
};

}  // namespace adversary
