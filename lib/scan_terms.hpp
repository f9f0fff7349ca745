// What one block of keys is to one query: its terms and their sum, known as well as they need be.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/scan_block.hpp"
#include "lib/scan_score.hpp"

namespace heavykeys::detail {

/// Relative errors of a block's sum, and of the terms that may be heavy, stay below this: four of them make
/// less than 1e-10.
inline constexpr double kTolerance = 0x1p-36;

/// A function of the query, the keys of the block and how many of them the query sees; of nothing else.
/// Holds what it needs to compute it, for one worker.
class BlockTerms {
 public:
  BlockTerms(const ScanScore& score, double epsilon);

  /// The first `visible` keys of the block, >= 1, for query i of the tile. `products` [ld] are their scaled
  /// dot products in float64.
  void evaluate(const QueryTile& tile, std::size_t i, const KeyBlock& block, std::size_t visible,
                const double* products);

  std::size_t visible() const { return visible_; }
  /// Everything below is in units of 2^unit().
  std::int64_t unit() const { return reference_.unit; }
  /// |term(u) - true| <= error(u) <= sum_error().
  const Terms& terms() const { return terms_; }
  double sum_error() const { return error_; }
  /// The true sum lies in [lower, upper].
  double lower() const;
  double upper() const;

 private:
  enum class Effort { once, twice, exact };
  struct Products {  // key u's is (hi + lo) 2^exponent, within size * size_unit * 2^exponent
    const double* hi = nullptr;
    const double* lo = nullptr;  // may be absent
    const double* size = nullptr;
    double size_unit = 1.0;
    bool common = true;  // one exponent for all
  };

  void multiply(Effort effort, const QueryTile& tile, std::size_t i, const KeyBlock& block,
                const double* products);
  void multiply_twice(const QueryTile& tile, std::size_t i, const KeyBlock& block);
  void multiply_exactly(const QueryTile& tile, std::size_t i, const KeyBlock& block);
  int greatest_exponent(const double* values) const;
  Reference choose_reference(int bound) const;
  void to_distant_units(std::size_t u, int shift);
  void to_units();
  bool resolve(int bound);

  ScanScore score_;
  double epsilon_;
  AlignedVector<double> hi_, lo_, size_;
  std::vector<int> exponent_;
  Products x_;
  Arguments arguments_;
  Terms terms_;
  std::size_t visible_ = 0;
  Reference reference_;
  double sum_ = 0.0, error_ = 0.0;
};

}  // namespace heavykeys::detail
