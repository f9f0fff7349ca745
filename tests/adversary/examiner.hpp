// Computes the weights of every key outside U under a query, and remembers how near they came to epsilon.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/adversary/instance.hpp"
#include "tests/support/random.hpp"

namespace adversary {

/// The greatest weight of a key outside U, as a multiple of epsilon.
struct Peak {
  double ratio = 0;
  double scale = 1;     ///< of the query, where it was
  std::size_t row = 0;  ///< of Instance::rows
};

struct Finding {
  Peak peak;
  std::vector<double> query;  ///< original coordinates, scaled
  std::string how;
};

class Examiner {
 public:
  Examiner(const Instance& instance, std::uint64_t seed) : instance_(instance), random_(seed) {}

  /// The query at its own size.
  Peak once(const std::vector<double>& q, const char* how);
  /// And at sizes over 12 decades about the one where the median |x| is 1, where size matters; refined about
  /// the best.
  Peak ray(const std::vector<double>& q, const char* how);

  std::uint64_t pairs() const { return pairs_; }
  std::uint64_t queries() const { return queries_; }
  const Finding& best() const { return best_; }
  /// Queries that gave a key outside U 1 - 1e-9 of epsilon or more: to be decided in higher precision.
  const std::vector<Finding>& suspects() const { return suspects_; }
  /// A few of all queries examined, and the best: original coordinates.
  std::vector<std::vector<double>> sample() const;

 private:
  Peak weigh(const std::vector<double>& q, double scale, const char* how);
  Finding finding(const std::vector<double>& q, const Peak& peak, const char* how) const;

  const Instance& instance_;
  support::Random random_;
  std::vector<double> x_, f_;  // products and scores of the query at hand
  std::uint64_t pairs_ = 0, queries_ = 0;
  Finding best_;
  std::vector<Finding> suspects_;
  std::vector<std::vector<double>> sample_;
};

}  // namespace adversary
