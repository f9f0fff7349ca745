// What a strip of queries has gathered from the keys so far: weights in units of the greatest.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "heavykeys/error.hpp"
#include "lib/attention_rows.hpp"

namespace heavykeys::detail {

template <class T>
struct StripResult {
  StripResult(const AttentionShape& s, std::size_t width)
      : out(s.dv * width),
        shift(width, least_shift<T>(s.term)),
        factor(width),
        part(width),
        sum(width, 0.0) {}

  AlignedVector<T> out;  // [dv, width], in units
  AlignedVector<T> shift, factor, part;
  std::vector<double> sum;

  /// A block of keys: their scores, which become weights, and their values [keys, dv].
  void take(const AttentionShape& shape, const T* values, const Strip<T>& scores) {
    raise_shift(shape.term, scores, shift.data(), factor.data());
    weigh(shape.term, scores, shift.data(), part.data());
    for (std::size_t u = 0; u < scores.width; ++u) {
      sum[u] = sum[u] * static_cast<double>(factor[u]) + static_cast<double>(part[u]);
    }
    multiply_rescaled<T>({values, 1, static_cast<std::ptrdiff_t>(shape.dv), shape.dv, scores.x, scores.width,
                          scores.width, scores.keys},
                         factor.data(), out.data(), scores.width);
  }

  /// Divides by the sums and writes the strip. Throws InvalidInput where a sum is not finite.
  void write(const AttentionShape& s, const MutableTensorView& to, const QueryStrip<T>& q, std::size_t unit) {
    for (std::size_t u = 0; u < q.count; ++u) {
      const std::size_t head = s.query_head(unit, q.first + u), row = s.query_row(q.first + u);
      if (!std::isfinite(sum[u])) {
        throw InvalidInput("queries: batch " + std::to_string(unit / s.heads) + ", head " +
                           std::to_string(head) + ": the sum of the weights of row " + std::to_string(row) +
                           " is not finite");
      }
      const T divisor = sum[u] > 0.0 ? static_cast<T>(sum[u]) : static_cast<T>(1);
      for (std::size_t c = 0; c < s.dv; ++c) out[c * q.width + u] /= divisor;
      write_row(to, unit / s.heads, head, row, &out[u], q.width);
    }
  }
};

}  // namespace heavykeys::detail
