#include "heavykeys/sparse_pattern.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/counter_random.hpp"
#include "lib/float_environment.hpp"
#include "lib/portable_math.hpp"
#include "lib/read_rows.hpp"
#include "lib/text.hpp"

namespace heavykeys {

namespace {

using detail::shortest;

constexpr std::size_t kMostColumns = std::size_t{1} << 32;
constexpr std::size_t kMostRandomRows = std::size_t{1} << 26;
constexpr std::size_t kMostRandomEntries = std::size_t{1} << 28;

std::string place(std::size_t row, std::int64_t column) {
  return "row " + std::to_string(row) + ", column " + std::to_string(column);
}

void check_arrays(const SparsePattern& m) {
  const auto refuse = [](const std::string& what) { throw InvalidInput("pattern: " + what); };
  if (m.rows == 0 || m.columns == 0)
    refuse("its shape is (" + std::to_string(m.rows) + ", " + std::to_string(m.columns) + ")");
  if (m.columns > kMostColumns)
    refuse("it has " + std::to_string(m.columns) + " columns; at most 2^32 are allowed");
  if (m.indptr.empty() || m.indptr.size() - 1 != m.rows) {  // rows + 1 could wrap
    refuse("indptr has " + std::to_string(m.indptr.size()) + " elements; " + std::to_string(m.rows) +
           " rows need one more than that");
  }
  if (m.indices.size() != m.values.size()) {
    refuse(std::to_string(m.indices.size()) + " indices, but " + std::to_string(m.values.size()) + " values");
  }
  if (m.indptr[0] != 0) refuse("indptr[0] is " + std::to_string(m.indptr[0]) + ", not 0");
  for (std::size_t i = 0; i < m.rows; ++i) {
    const std::int64_t begin = m.indptr[i], end = m.indptr[i + 1];
    if (end == begin) refuse("row " + std::to_string(i) + " is empty; softmax has no such row");
    if (end < begin) {
      refuse("indptr[" + std::to_string(i + 1) + "] = " + std::to_string(end) + " is below indptr[" +
             std::to_string(i) + "] = " + std::to_string(begin));
    }
  }
  if (m.indptr.back() != static_cast<std::int64_t>(m.indices.size())) {
    refuse("indptr ends at " + std::to_string(m.indptr.back()) + ", but there are " +
           std::to_string(m.indices.size()) + " entries");
  }
}

/// Checks row i, and returns its greatest entry divided by its least.
double check_row(const SparsePattern& m, std::size_t i) {
  double least = 0.0, greatest = 0.0;
  std::int64_t before = -1;
  const auto begin = static_cast<std::size_t>(m.indptr[i]), end = static_cast<std::size_t>(m.indptr[i + 1]);
  for (std::size_t e = begin; e < end; ++e) {
    const std::int64_t column = m.indices[e];
    const double value = m.values[e];
    if (column < 0 || column >= static_cast<std::int64_t>(m.columns)) {
      throw InvalidInput("pattern: " + place(i, column) + ": there are " + std::to_string(m.columns) +
                         " columns");
    }
    if (column <= before) {
      throw InvalidInput("pattern: " + place(i, column) + " comes after column " + std::to_string(before) +
                         "; columns must ascend within a row, each once");
    }
    if (!(value > 0.0) || !std::isfinite(value)) {
      throw InvalidInput("pattern: " + place(i, column) + " is " + shortest(value) +
                         "; entries must be positive and finite");
    }
    before = column;
    least = e == begin ? value : std::min(least, value);
    greatest = std::max(greatest, value);
  }
  const double ratio = greatest / least;
  if (!std::isfinite(ratio)) {
    throw InvalidInput("pattern: row " + std::to_string(i) + " reaches from " + shortest(least) + " to " +
                       shortest(greatest) + ": the ratio overflows");
  }
  return ratio;
}

/// The most entries of a column, in memory for the entries, however many columns there are.
std::size_t greatest_column(const SparsePattern& m, std::size_t limit) {
  std::vector<std::int64_t> columns = m.indices;
  std::ranges::sort(columns);
  std::size_t top = 0;
  std::int64_t where = 0;
  for (std::size_t begin = 0, end = 0; begin < columns.size(); begin = end) {
    while (end < columns.size() && columns[end] == columns[begin]) ++end;
    if (end - begin <= top) continue;
    top = end - begin;
    where = columns[begin];
  }
  if (limit != 0 && top > limit) {
    throw InvalidInput("pattern: column " + std::to_string(where) + " has " + std::to_string(top) +
                       " entries; at most " + std::to_string(limit) + " are allowed");
  }
  return top;
}

/// 0 .. n - 1 in an order that (seed, stream) decides: uniform as far as the hash is.
std::vector<std::size_t> shuffled(std::uint64_t seed, std::uint64_t stream, std::size_t n) {
  std::vector<std::pair<std::uint64_t, std::size_t>> keyed(n);
  for (std::size_t i = 0; i < n; ++i) keyed[i] = {detail::random_bits(seed, stream, i).low, i};
  std::ranges::sort(keyed);
  std::vector<std::size_t> order(n);
  std::ranges::transform(keyed, order.begin(), [](const auto& pair) { return pair.second; });
  return order;
}

}  // namespace

PatternShape shape_of(const SparsePattern& pattern, const PatternLimits& limits) {
  const detail::FloatEnvironment ieee;
  check_arrays(pattern);
  PatternShape shape{pattern.rows, pattern.columns, 1, 1, 1.0};
  for (std::size_t i = 0; i < pattern.rows; ++i) {
    const double ratio = check_row(pattern, i);
    const auto entries = static_cast<std::size_t>(pattern.indptr[i + 1] - pattern.indptr[i]);
    if (limits.nonzeros != 0 && entries > limits.nonzeros) {
      throw InvalidInput("pattern: row " + std::to_string(i) + " has " + std::to_string(entries) +
                         " entries; at most " + std::to_string(limits.nonzeros) + " are allowed");
    }
    if (limits.ratio != 0.0 && !(ratio <= limits.ratio)) {
      throw InvalidInput("pattern: row " + std::to_string(i) + " has the ratio " + shortest(ratio) +
                         "; at most " + shortest(limits.ratio) + " is allowed");
    }
    shape.row_nonzeros = std::max(shape.row_nonzeros, entries);
    shape.ratio = std::max(shape.ratio, ratio);
  }
  shape.column_nonzeros = greatest_column(pattern, limits.nonzeros);
  return shape;
}

SparsePattern pattern_of(const Rows& dense) {
  const detail::FloatEnvironment ieee;
  SparsePattern m{dense.count, dense.dim, {0}, {}, {}};
  std::vector<double> row(dense.dim);
  for (std::size_t i = 0; i < dense.count; ++i) {
    detail::read_row(dense, i, row.data());
    for (std::size_t j = 0; j < dense.dim; ++j) {
      if (row[j] == 0.0) continue;
      m.indices.push_back(static_cast<std::int64_t>(j));  // NaN, Inf and negative elements too: refused below
      m.values.push_back(row[j]);
    }
    m.indptr.push_back(static_cast<std::int64_t>(m.indices.size()));
  }
  shape_of(m);
  return m;
}

SparsePattern random_pattern(std::size_t size, std::size_t nonzeros, double ratio, std::uint64_t seed) {
  const detail::FloatEnvironment ieee;
  if (nonzeros < 1 || nonzeros > size) {
    throw InvalidInput("a pattern of " + std::to_string(size) + " columns cannot have " +
                       std::to_string(nonzeros) + " entries in each row");
  }
  if (!(ratio >= 1.0) || !std::isfinite(ratio))
    throw InvalidInput("ratio is " + shortest(ratio) + "; it must be finite and at least 1");
  if (size > kMostRandomRows || nonzeros > kMostRandomEntries / size) {
    throw InvalidInput("a random pattern of " + std::to_string(size) + " rows with " +
                       std::to_string(nonzeros) +
                       " entries each; at most 2^26 rows and 2^28 entries are allowed");
  }
  const std::uint64_t key = detail::derived_seed(seed, detail::Purpose::sparse_pattern);
  const auto row_order = shuffled(key, 0, size), column_order = shuffled(key, 1, size);
  const auto shifts = shuffled(key, 2, size);
  const double log_ratio = detail::portable_log(ratio);

  SparsePattern m{size, size, {0}, {}, {}};
  std::vector<std::pair<std::int64_t, double>> row(nonzeros);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t t = 0; t < nonzeros; ++t) {
      const double u = detail::unit_interval(detail::random_bits(key, 3 + t, i).low);
      const double between = std::clamp(detail::portable_exp(u * log_ratio), 1.0, ratio);
      const std::size_t column = column_order[(row_order[i] + shifts[t]) % size];
      row[t] = {static_cast<std::int64_t>(column), t == 0 ? 1.0 : t == 1 ? ratio : between};
    }
    std::ranges::sort(row);
    for (const auto& [column, value] : row) {
      m.indices.push_back(column);
      m.values.push_back(value);
    }
    m.indptr.push_back(static_cast<std::int64_t>(m.indices.size()));
  }
  return m;
}

std::vector<double> normalised_weights(const SparsePattern& pattern) {
  const detail::FloatEnvironment ieee;
  shape_of(pattern);
  std::vector<double> weights(pattern.values.size());
  for (std::size_t i = 0; i < pattern.rows; ++i) {
    const auto begin = static_cast<std::size_t>(pattern.indptr[i]);
    const auto end = static_cast<std::size_t>(pattern.indptr[i + 1]);
    // Divided by the greatest first, so that no sum overflows.
    const double top = *std::max_element(pattern.values.begin() + pattern.indptr[i],
                                         pattern.values.begin() + pattern.indptr[i + 1]);
    double sum = 0.0;
    for (std::size_t e = begin; e < end; ++e) sum += weights[e] = pattern.values[e] / top;
    for (std::size_t e = begin; e < end; ++e) weights[e] /= sum;
  }
  return weights;
}

}  // namespace heavykeys
