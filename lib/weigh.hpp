// The one place that decides A_j(q) >= epsilon and computes the weight that is printed.
#pragma once

#include <functional>
#include <optional>

#include "heavykeys/heavy_entries.hpp"
#include "lib/key_panel.hpp"
#include "lib/normalizer.hpp"

namespace heavykeys::detail {

/// |computed - true| of a scaled dot product of d terms is at most this times the two norms, plus nothing.
double dot_error(std::size_t dim);

/// What is known of one query when its keys are weighed with a polynomial score.
struct Weighing {
  ScaledQuery query;
  ScaledPolynomial score;                   // in the units of the query
  const std::vector<double>& coefficients;  // in real units
  double epsilon = 0.0;
  Bounded normalizer;                        // in the units of `score`
  std::function<Dyadic()> exact_normalizer;  // real units; called at most a few times
};

/// Decides which keys of a panel are entries of one query: float64 where it is certain and narrow enough,
/// else exact arithmetic. Membership is always the exact answer.
class QueryWeigher {
 public:
  /// Makes the normaliser exact where float64 left it open. Both must outlive this object.
  QueryWeigher(Weighing& weighing, const KeyPanel& panel);

  /// A key with |x| below this is no entry, x being its scaled dot product as dot_products() forms it.
  double threshold() const { return threshold_; }
  /// Appends key u where it is an entry. |x| >= threshold().
  void decide(std::size_t u, double x, HeavyEntries& out);
  /// Those of the first `count` keys that are entries; x of all of them.
  void decide_all(std::size_t count, const double* x, HeavyEntries& out);

 private:
  const Dyadic& exact_normalizer();

  Weighing& w_;
  const KeyPanel& panel_;
  double gamma_;
  double up_ = 1.0, down_ = 1.0;
  bool only_exact_ = false;
  double threshold_ = 0.0;
  std::optional<Dyadic> exact_;
};

/// One entry: its weight and what is known of it.
struct Entry {
  double weight, lower, upper;
};

void append(HeavyEntries& out, KeyId id, const Entry& entry);

}  // namespace heavykeys::detail
