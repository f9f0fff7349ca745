// One query of a scan: its running sum, and the keys that may still be heavy for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "heavykeys/heavy_entries.hpp"
#include "lib/double_double.hpp"
#include "lib/scan_block.hpp"
#include "lib/scan_score.hpp"

namespace heavykeys::detail {

/// A key whose weight was at least epsilon among the keys up to its block: |term - true| <= error.
struct ScanCandidate {
  std::uint64_t row = 0;
  double term = 0.0;
  double error = 0.0;
};

/// |sum - true| <= error; terms are in units of `reference`.
struct QueryScan {
  DoubleDouble sum;
  double error = 0.0;
  Reference reference;
  std::vector<ScanCandidate> candidates;  // rows ascending
  std::size_t settled = 0;                // candidates left by the last sweep

  /// The true sum of all keys seen is at least this.
  double least() const;
  /// Lets go of the candidates that sums have outgrown; at most about 1 / epsilon are left.
  void sweep(double epsilon);
  /// Appends the entries; the sums are final.
  void list(double epsilon, Mode mode, HeavyEntries& out) const;
};

/// Adds blocks of keys to the sums of queries. Holds what it needs to do so, for one worker.
class QueryScanner {
 public:
  QueryScanner(const ScanScore& score, double epsilon);

  /// Adds the first `visible` keys of the block, >= 1, for query i of the tile. `products` [ld] are their
  /// scaled dot products in float64. `query` is unchanged when this throws.
  void add(QueryScan& query, const QueryTile& tile, std::size_t i, const KeyBlock& block, std::size_t visible,
           const double* products);

 private:
  enum class Effort { once, twice, exact };
  struct Sums {
    DoubleDouble sum;
    double error = 0.0;
    double factor = 1.0;  // that takes what was summed before to the units of `reference`
    Reference reference;
  };

  void multiply(Effort effort, const QueryTile& tile, std::size_t i, const KeyBlock& block,
                std::size_t visible, const double* products);
  void multiply_exactly(const QueryTile& tile, std::size_t i, const KeyBlock& block, std::size_t visible);
  int greatest_exponent(const AlignedVector<double>& values, std::size_t visible) const;
  Reference choose_reference(const QueryScan& query, std::size_t visible, int bound) const;
  void to_distant_units(std::size_t u, int shift);
  void to_units(const Reference& reference, std::size_t visible);
  bool resolve(Effort effort, const QueryScan& query, std::size_t visible, int bound, Sums& sums);
  bool find_candidates(const Sums& sums, double block_error, std::size_t visible);

  const ScanScore& score_;
  double epsilon_;
  // Key u's product is (hi + lo) 2^exponent, within size 2^exponent; one exponent for all while common_.
  AlignedVector<double> hi_, lo_, size_;
  std::vector<int> exponent_;
  bool common_ = true;
  Arguments arguments_;
  Terms terms_;
  std::vector<std::uint32_t> found_;
  std::size_t found_count_ = 0;
};

}  // namespace heavykeys::detail
