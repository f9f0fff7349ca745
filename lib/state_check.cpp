#include "lib/state_check.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "lib/byte_stream.hpp"

namespace heavykeys::detail {

namespace {

/// Tells whether a row can have come from blocks with the exponents of a Gram matrix.
///
/// A value of a block of exponent e is q 2^(e - P), |q| <= 2^P, low <= e <= high: its odd part has at most P
/// bits, and what exact arithmetic does with products of four of them rests on that. A monomial is checked
/// as the sum of its factors' exponents (docs/format.md says what low and high of its column are).
class GridCheck {
 public:
  explicit GridCheck(const SketchState& s)
      : lift_(s.plan->lift),
        bits_(s.spec.grid_bits),
        gram_(s.metric.plain ? *s.metric.plain : s.metric.gram),
        weighted_(s.metric.plain ? &s.metric.gram : nullptr),
        least_(s.spec.dim),
        greatest_(s.spec.dim),
        zero_(s.spec.dim),
        lifted_least_(lift_.size()),
        lifted_greatest_(lift_.size()),
        lifted_zero_(lift_.size()) {}

  bool operator()(const std::vector<double>& row) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (!measure(row[c], c)) return false;
    }
    lift_.sums(least_.data(), lifted_least_.data());
    lift_.sums(greatest_.data(), lifted_greatest_.data());
    lift_.sums(zero_.data(), lifted_zero_.data());
    const int top = bits_ * lift_.top_degree();
    for (std::size_t c = 0; c < lift_.size(); ++c) {
      if (lifted_zero_[c] > 0) continue;
      const int missing = top - bits_ * lift_.degree(c);
      if (!reaches_down(gram_, c, top) || lifted_greatest_[c] + missing > gram_.high()[c]) return false;
      // A row of weight 4^a has exponents a lower there, a <= 0.
      if (weighted_ != nullptr && !reaches_down(*weighted_, c, top)) return false;
    }
    return true;
  }

 private:
  /// value = m 2^least, m odd, and |value| <= 2^greatest. False when m has too many bits.
  bool measure(double value, std::size_t c) {
    zero_[c] = value == 0.0;
    least_[c] = greatest_[c] = 0;
    if (value == 0.0) return true;
    int e = 0;
    const auto m = static_cast<std::uint64_t>(std::ldexp(std::frexp(std::fabs(value), &e), 53));
    const int bits = 53 - __builtin_ctzll(m);
    least_[c] = e - bits;
    greatest_[c] = bits == 1 ? e - 1 : e;
    return bits <= bits_;
  }

  bool reaches_down(const ExactGram& gram, std::size_t c, int top) const {
    return !gram.is_zero_column(c) && lifted_least_[c] >= gram.low()[c] - top;
  }

  const Lift& lift_;
  int bits_;
  const ExactGram& gram_;
  const ExactGram* weighted_;
  std::vector<int> least_, greatest_, zero_;                       // of the row
  std::vector<int> lifted_least_, lifted_greatest_, lifted_zero_;  // of its monomials
};

/// Rows of complete blocks.
Coverage complete_rows(const SketchState& s) {
  Coverage complete = s.coverage;
  for (const auto& run : s.fragments) {
    const Range range = s.fragment_range(run);
    Range both;
    if (!complete.overlaps(run.first.stream, range, &both) || both != range) {
      ByteReader::fail("waiting rows outside the rows absorbed");
    }
    complete.remove(run.first.stream, range);
  }
  for (const auto& [stream, ranges] : complete.streams()) {
    for (const Range& r : ranges) {
      if (r.begin % s.spec.block_rows != 0 || r.end % s.spec.block_rows != 0) {
        ByteReader::fail("rows are neither waiting nor in a complete block");
      }
    }
  }
  return complete;
}

void check_row(const Coverage& complete, KeyId id, const RowStore& rows, std::size_t i, GridCheck& on_grid,
               const std::string& what) {
  if (!complete.overlaps(id.stream, {id.row, id.row + 1})) ByteReader::fail(what + " was never absorbed");
  std::vector<double> row(rows.dim());
  rows.read(i, row.data());
  if (!on_grid(row)) ByteReader::fail(what + " is not on the grid");
}

}  // namespace

void check_together(const SketchState& s) {
  const Coverage complete = complete_rows(s);
  if (complete.row_count() != s.metric.rows()) ByteReader::fail("row counts disagree");
  GridCheck on_grid(s);
  const RowSample::Sorted sampled = s.sample.sorted();
  if (sampled.ids.size() != std::min<std::uint64_t>(s.sample.capacity(), complete.row_count())) {
    ByteReader::fail("the sample does not have the size it should have");
  }
  for (std::size_t i = 0; i < sampled.ids.size(); ++i) {
    check_row(complete, sampled.ids[i], sampled.rows, i, on_grid, "a sampled row");
  }
  for (std::size_t i = 0; i < s.candidates.size(); ++i) {
    const KeyId id = s.candidates.ids[i];
    if (i > 0 && !(s.candidates.ids[i - 1] < id)) ByteReader::fail("candidates are not in order");
    check_row(complete, id, s.candidates.rows, i, on_grid, "a candidate");
  }
}

}  // namespace heavykeys::detail
