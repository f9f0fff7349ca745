// What a call of attention is about: shapes that belong together, and which query is which.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "heavykeys/attention.hpp"
#include "lib/attention_kernels.hpp"
#include "lib/siblings.hpp"

namespace heavykeys::detail {

/// Unit: one KV head of one batch entry. Its queries are those of all query heads that read it; query `lane`
/// of a unit is row lane / group of query head lane % group, so that neighbours are at the same place of the
/// sequence.
struct HEAVYKEYS_SIBLINGS AttentionShape {
  /// Throws InvalidInput, naming the argument.
  AttentionShape(const TensorView& queries, const TensorView& keys, const TensorView& values,
                 const KeySets& sets, const AttendOptions& options);

  std::size_t batch, heads, group;  ///< heads: of keys; group: query heads to each
  std::size_t m, n, d, dv;
  Term term;
  double scale;    ///< of q.k
  bool in_double;  ///< the type to compute in: double, else float
  /// Where that is float: q.k is summed up in double, and x rounded once. Even scores know x = 0, and the
  /// weights of a query that is nearly orthogonal to its keys hang on what rounding in proportion to |q| |k|
  /// would drown.
  bool wide_scores;
  AttendOptions options;

  std::size_t units() const { return batch * heads; }
  std::size_t lanes() const { return group * m; }
  std::size_t query_head(std::size_t unit, std::size_t lane) const {
    return unit % heads * group + lane % group;
  }
  std::size_t query_row(std::size_t lane) const { return lane / group; }
  /// Where AttendSums keeps this query.
  std::size_t query(std::size_t unit, std::size_t lane) const {
    return (unit / heads * heads * group + query_head(unit, lane)) * m + query_row(lane);
  }
  /// The last key the query may see; -1: none.
  std::int64_t position(std::size_t lane) const;
};

/// Throws InvalidInput unless these are lists of ascending keys for batch x heads heads of n keys.
HEAVYKEYS_SIBLINGS void check_sets(const KeySets& sets, std::size_t batch, std::size_t heads, std::int64_t n,
                                   bool causal);

/// Throws InvalidInput unless the view is [batch, heads, rows, dim] of this dtype; `name` for the text.
HEAVYKEYS_SIBLINGS void check_view(const TensorView& view, const std::string& name, Dtype dtype,
                                   std::size_t batch, std::size_t heads, std::size_t rows, std::size_t dim);

/// The text of a NaN or infinite value of a view, "keys: batch 0, head 1: NaN at row 2, column 3".
HEAVYKEYS_SIBLINGS std::string not_finite(const TensorView& view, const char* name, std::size_t b,
                                          std::size_t h, std::size_t row);

}  // namespace heavykeys::detail
