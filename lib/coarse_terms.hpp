// What one block of keys is to one query of softmax, at a first look: integer products and float32
// exponentials (docs/theory.md, "A first look").
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lib/coarse_kernels.hpp"
#include "lib/coarse_rows.hpp"
#include "lib/scan_query.hpp"
#include "lib/scan_score.hpp"

namespace heavykeys::detail {

/// Below this tolerance of a scan nothing is worth a first look.
inline constexpr double kCoarseTolerance = 0x1p-14;

/// A scan that takes first looks keeps keys down to this part of epsilon: the terms of candidates are known
/// in float64, and the more of the sum they are, the better that is known.
inline constexpr double kKeptShare = 0.5;

/// Query i of a tile, and a block of keys.
struct CoarsePair {
  const QueryTile& tile;
  std::size_t i;
  const KeyBlock& block;
};

/// How a query and a block are looked at.
struct CoarseLook {
  bool suits = false;       ///< false when too much would be lost
  float factor = 0.0f;      ///< an integer product times this is a logit, in powers of two
  double wrong = 0.0;       ///< relative error of terms and of their sum
  double fine_wrong = 0.0;  ///< of a term in float64
};

/// The sum of a block's terms, as looked at: a function of the query, the keys of the block, how many of them
/// the query sees, and the tolerance.
BlockSum coarse_sum(const CoarseLook& look, const CoarseTerm& terms);

/// No true term of the block passes this, in units of the sum.
inline double coarse_most(const CoarseLook& look, const CoarseTerm& terms) {
  // Exponents are rounded by at most 2^-22 of the greatest logit, of which `wrong` has 2^-21; and 2^x <= 1 + x.
  return static_cast<double>(terms.most) * (1.0 + 0x1p-9) * (1.0 + 2.0 * look.wrong);
}

/// Looks from one worker.
class CoarseTerms {
 public:
  CoarseTerms(const ScanScore& score, double tolerance, std::size_t dim);

  /// For each query i that sees visible[i] keys of a block: how it is to be looked at, and of how many keys.
  void choose(const CoarseSize* queries, const CoarseSize& keys, std::span<const std::size_t> visible,
              CoarseLook* looks, CoarseTerm* terms) const;
  /// Appends the keys that may reach `needed`, in units of `terms`, each with its term in float64: a function
  /// of the query, the key and the unit. `products` as coarse_products() made them.
  void append_candidates(const CoarsePair& pair, const CoarseLook& look, const CoarseTerm& terms,
                         const std::int32_t* products, double needed, std::vector<ScanCandidate>& out);

 private:
  CoarseLook look(const CoarseSize& query, const CoarseSize& keys) const;
  void append_found(const CoarsePair& pair, const CoarseLook& look, std::int64_t unit, std::size_t count,
                    double needed, std::vector<ScanCandidate>& out);

  ScanScore score_;
  double tolerance_;
  double scale_;          // |logit| = scale |q.k|
  double product_error_;  // of q.k in float64, relative to the norms
  std::vector<std::uint32_t> found_;
  std::vector<float> found_terms_;
  Arguments arguments_;
  Terms fine_;
};

}  // namespace heavykeys::detail
