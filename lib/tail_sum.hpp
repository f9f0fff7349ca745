// Bounds of sum f(q.k) over the rows outside U, for scores without a closed form (docs/theory.md, T7 and T8).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lib/key_panel.hpp"
#include "lib/metric.hpp"
#include "lib/normalizer.hpp"
#include "lib/onion.hpp"
#include "lib/row_sample.hpp"

namespace heavykeys::detail {

/// lower <= true value <= upper.
struct SumBounds {
  double lower = 0.0;
  double upper = 0.0;
  double estimate = 0.0;
};

/// f at a query, x in scaled units, up to a factor that is the same for all x: weights do not see it.
class QueryScore {
 public:
  QueryScore(const Score& score, int shift) : score_(score), shift_(shift) {}

  /// Bounds of f over least <= |x| <= greatest.
  SumBounds operator()(double least, double greatest) const;
  /// f(x), rounded.
  double at(double x) const;

 private:
  const Score& score_;
  int shift_;
};

/// What the keys of U sum to at a query.
struct HeavySums {
  SumBounds score;           // f
  double power_upper = 0.0;  // x^(2s), from above
};

/// What is known of R, the rows outside U: how many, sum x^(2s) for any query, and that x^(2s) of each is
/// below a threshold times the sum over the rows of the last leverage test, and of the first. (With weights,
/// T7, rows were dropped by thresholds that were higher then; there, that none of R is heavy.) And a uniform
/// sample of R.
class TailSum {
 public:
  /// `kept` are the rows of U in order of id. R is all rows of `metric` but those.
  TailSum(PlanPtr plan, const Metric& metric, const Peeled& peeled, const Candidates& kept,
          const std::vector<int>& scale, const RowSample& sample);

  /// sum over R of f(q.k_l). `heavy`: of U, since R is bounded by not being heavy beside it.
  /// confidence: 0, or the probability delta with which the bounds may miss.
  SumBounds operator()(const ScaledQuery& q, const HeavySums& heavy, double confidence) const;

  std::uint64_t rows() const { return rows_; }

 private:
  SumBounds by_moments(const ScaledQuery& q, const QueryScore& f, double heavy_power, double* most) const;
  SumBounds by_weights(const ScaledQuery& q, const QueryScore& f, const SumBounds& heavy, double* most) const;
  void narrow(SumBounds& bounds, const ScaledQuery& q, const QueryScore& f, double most,
              double confidence) const;

  PlanPtr plan_;
  std::uint64_t rows_ = 0;
  double first_threshold_ = 0.0, last_threshold_ = 0.0;
  double weight_sum_ = 0.0;           // T7: W of all rows
  std::optional<Normalizer> rest_;    // sum over R of x^(2s), s = top degree (T7: of x^2)
  std::optional<Normalizer> tested_;  // over the rows of the last leverage test (T7: sum_l w_l x_l^2)
  std::optional<KeyPanel> sample_;    // sampled rows of R
};

}  // namespace heavykeys::detail
