// Normalisers over every key a query may see, attended or not, and what they add to gradients: closed forms.
#pragma once

#include <cstddef>
#include <vector>

#include "lib/attention_shape.hpp"
#include "lib/moment_form.hpp"

namespace heavykeys::detail {

/// One unit, in float64; keys and queries are read where they lie, a run at a time. Workspace: O(D^2), and
/// O(d^2) more. Throws InvalidInput for NaN/Inf.
class AllKeysSums {
 public:
  AllKeysSums(const AttentionShape& shape, const TensorView& queries, const TensorView& keys,
              std::size_t unit);

  /// [lanes]: sum_l f(x_l) over the keys query `lane` may see; by_query [lanes, d], unless null: its gradient
  /// in scale q. Where the moments lose digits the keys are summed one by one: O(n d) for such a query.
  /// Throws InvalidInput where float64 cannot hold a sum.
  void sums(double* values, double* by_query);
  /// [n, d]: the gradient of sum_lanes weights[lane] sums[lane] in the keys. After sums.
  void by_key(const std::vector<double>& weights, std::vector<double>& out) const;

 private:
  void read_keys(std::size_t begin, std::size_t end, std::vector<double>& out) const;
  /// Times scale.
  void read_queries(std::size_t begin, std::size_t end, std::vector<double>& out) const;

  /// One query, key by key.
  double sum_one_by_one(const double* q, std::int64_t position, double* by_query) const;

  const AttentionShape& shape_;
  const TensorView& queries_;
  const TensorView& keys_;
  std::size_t unit_;
  std::vector<double> coefficients_;
  bool few_;                    ///< keys: no moments
  std::vector<char> is_alone_;  ///< [lanes]: queries the moments do not serve
};

/// Throws InvalidInput unless the score of this shape has a closed form.
void check_closed_form(const AttentionShape& shape);

}  // namespace heavykeys::detail
