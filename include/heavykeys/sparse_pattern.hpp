// Inputs with planted attention: few random coordinates whose softmax attention is a given sparse matrix.
// After Likhosherstov, Choromanski, Weller, "On the Expressive Power of Self-Attention Matrices" (arXiv
// 2106.03764); docs/sparse_patterns.md, proofs in docs/theory.md (T10).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "heavykeys/rows.hpp"

namespace heavykeys {
#pragma GCC visibility push(default)

/// A sparse matrix M [rows, columns] of positive entries, in compressed sparse rows. Only the ratios within a
/// row matter: attention normalises rows.
struct SparsePattern {
  std::size_t rows = 0;               ///< L, queries
  std::size_t columns = 0;            ///< L', keys
  std::vector<std::int64_t> indptr;   ///< [L + 1], starts at 0
  std::vector<std::int64_t> indices;  ///< [nnz], columns, ascending within a row
  std::vector<double> values;         ///< [nnz], > 0 and finite

  friend bool operator==(const SparsePattern&, const SparsePattern&) = default;
};

/// What a pattern must keep to. 0: no limit.
struct PatternLimits {
  std::size_t nonzeros = 0;  ///< k, of any row and of any column
  double ratio = 0.0;        ///< gamma: greatest entry / least entry of any row
};

/// All that the bounds on the dimension depend on.
struct PatternShape {
  std::size_t rows = 0;             ///< L
  std::size_t columns = 0;          ///< L'
  std::size_t row_nonzeros = 1;     ///< the most in a row
  std::size_t column_nonzeros = 1;  ///< the most in a column
  double ratio = 1.0;               ///< the greatest in-row ratio

  friend bool operator==(const PatternShape&, const PatternShape&) = default;
};

/// Checks the pattern and measures it. Throws InvalidInput, naming row, column and values, when the arrays do
/// not fit each other, an index is out of range, repeated or not ascending, an entry is not positive and
/// finite, a row is empty (softmax has no such row), there are more than 2^32 columns, or a limit is passed.
/// Cost: O(L + nnz log nnz), memory O(nnz), however many columns there are.
PatternShape shape_of(const SparsePattern& pattern, const PatternLimits& limits = {});

/// The non-zeros of a dense matrix [L, L']. Throws InvalidInput, naming row and column, for NaN, Inf or a
/// negative element, and for a row of zeros.
SparsePattern pattern_of(const Rows& dense);

/// A square pattern with exactly `nonzeros` entries in each row and each column: a circulant whose rows and
/// columns are permuted at random. Entries lie in [1, ratio]: a 1 and a `ratio` in each row, the others
/// log-uniform. A function of the arguments alone. Throws InvalidInput unless 1 <= nonzeros <= size <= 2^26,
/// size nonzeros <= 2^28, and ratio >= 1 is finite.
SparsePattern random_pattern(std::size_t size, std::size_t nonzeros, double ratio, std::uint64_t seed);

/// [nnz]: M_ij / sum_l M_il, what attention should be on the support.
std::vector<double> normalised_weights(const SparsePattern& pattern);

/// Where queries and keys come from.
enum class Construction {
  interpolating,  ///< random keys; each query interpolates its row: ratios exact, r = O(k ln(L L' / delta))
  svd             ///< the paper's: factors of the logit matrix, projected at random
};

/// How queries and keys are made whose attention is a given pattern.
struct PlantOptions {
  Construction construction = Construction::interpolating;  ///< how
  double epsilon1 = 0.1;  ///< on ratios: A_ij / A_il within a factor 1 + epsilon1 of M_ij / M_il
  double epsilon2 = 0.0;  ///< off the support: A_ij <= epsilon2. 0: 1 / (100 L'), so that it sums to <= 1%
  double failure = 0.01;  ///< delta: over the seed, the precision is missed with at most this probability
  std::size_t dim = 0;    ///< r, columns of queries and keys. 0: by the bound (planted_dim)
  /// T, the logit of the greatest entry of each row; > ln(1 / epsilon2). 0: max(4 ln(1 / epsilon2),
  /// ln(ratio) / 2); for svd with a row of several entries max(ln((1 + epsilon1) / epsilon2), ln(ratio) / 2).
  double logit = 0.0;
  std::uint64_t seed = 0;  ///< of the random keys or projection

  friend bool operator==(const PlantOptions&, const PlantOptions&) = default;
};

/// How many dimensions a pattern takes.
struct PlantedDim {
  /// r proven enough (T10): with probability >= 1 - failure both precisions are met.
  std::size_t bound = 0;
  /// What plant() takes: the bound; for svd at most min(L, L'), where it is exact without a projection.
  std::size_t dim = 0;

  friend bool operator==(const PlantedDim&, const PlantedDim&) = default;
};

/// The dimension that the proof asks for, rounding included. X has 2 r columns.
///   interpolating  r = k - 1 + nu, nu the least with L (L' - 1) P[t_nu > sqrt(nu) c] <= failure by a proven
///                  tail of Student's t, c = (T - ln(1 / epsilon2)) / |b|: about
///                  2 ln(L L' / (2 failure)) / ln(1 + c^2), k the entries of a row
///   svd            rows_needed(gaussian, t, failure / (L L')), t = min(ln(1 + epsilon1), T - ln(1 /
///                  epsilon2)) / (2 k max(T, ln(ratio) - T)), k^2 the entries of a row times those of a
///                  column
/// Throws InvalidInput for options out of range, and for a bound above 2^40.
PlantedDim planted_dim(const PatternShape& shape, const PlantOptions& options = {});

/// Inputs X and fixed projections W_Q, W_K. Row i of X is [x_i | y_i]; W_Q and W_K select the halves.
struct Planted {
  PlantOptions options;         ///< as given, with dim, epsilon2 and logit filled in
  PlantedDim bound;             ///< what the proof asks for
  std::size_t rows = 0;         ///< L
  std::size_t columns = 0;      ///< L'
  std::size_t rank = 0;         ///< svd: of the logit matrix; interpolating: 0
  bool exact = false;           ///< svd with dim >= rank: nothing was projected
  std::vector<double> queries;  ///< X W_Q [L, r] row-major
  std::vector<double> keys;     ///< X W_K [L', r] row-major

  friend bool operator==(const Planted&, const Planted&) = default;
};

/// Builds inputs whose softmax attention, scale 1, is the pattern. Deterministic in pattern and options; the
/// same bits on every instruction set. Whether the precision was met, verify() says.
/// Cost: interpolating O(L' r + nnz k r); svd O(L L' min(L, L')), and O(L L') of memory.
/// Throws InvalidInput for a bad pattern, options out of range, (interpolating) dim below the entries of a
/// row, or sizes above these: r <= 2^14, r max(L, L') <= 2^28 (2 GiB an array), and for svd L L' <= 2^28.
Planted plant(const SparsePattern& pattern, const PlantOptions& options = {});

/// X [max(L, L'), 2 r] row-major, rows that only queries or only keys have being 0 in the other half. W_Q and
/// W_K depend on r alone, at most 2^14.
std::vector<double> planted_inputs(const Planted& planted);
/// W_Q [2 r, r] row-major, dim being r.
std::vector<double> query_projection(std::size_t dim);
/// W_K [2 r, r] row-major.
std::vector<double> key_projection(std::size_t dim);

/// What attention A = softmax(queries keys^T) has of the pattern. Bounds: what A in exact arithmetic has is
/// at most that (least_planted: at least), as logit_error is counted in; the rounding of ln M, below 1e-12 in
/// a ratio, is not.
struct PatternPrecision {
  double ratio_error = 0.0;    ///< epsilon1 achieved: max of (A_ij / A_il) / (M_ij / M_il) - 1 on the support
  double off_support = 0.0;    ///< epsilon2 achieved: max A_ij off the support
  double least_planted = 1.0;  ///< min A_ij on the support
  double off_support_mass = 0.0;  ///< max over rows of the sum of A_ij off the support
  double max_error = 0.0;         ///< max |A_ij - M_ij / sum_l M_il|
  double logit_error =
      0.0;  ///< no float64 logit is off by more: (r + 3) 2^-53 max |x_i| max |y_j|, rounded up
  /// Strictly between off_support and least_planted: a scan at this epsilon lists exactly the planted
  /// entries. None when least_planted <= off_support (1 + 1e-6) e^(4 logit_error), and when least_planted <=
  /// 1e-59: a scan takes no such epsilon.
  std::optional<double> separating_epsilon;

  /// Both precisions, as PlantOptions has them.
  bool meets(double epsilon1, double epsilon2) const {
    return ratio_error <= epsilon1 && off_support <= epsilon2;
  }
  friend bool operator==(const PatternPrecision&, const PatternPrecision&) = default;
};

/// Computes the attention of these very queries [L, r] and keys [L', r], any dtype, in float64, 32 rows at a
/// time: workspace O((32 + r) L'), cost O(L L' r). Throws InvalidInput for a bad pattern, other shapes,
/// NaN/Inf (naming row and column), logits that could pass 2^60, or a logit_error above 1.
PatternPrecision verify(const SparsePattern& pattern, const Rows& queries, const Rows& keys);

/// What a search for the smallest dimension found.
struct SmallestDim {
  /// One dimension that was tried.
  struct Try {
    std::size_t dim = 0;  ///< r
    bool met = false;     ///< by every seed
    friend bool operator==(const Try&, const Try&) = default;
  };
  std::size_t dim = 0;     ///< r: met by all seeds, and r - 1 is not, or is below what can be built
  PlantedDim bound;        ///< what the proof asks for
  std::vector<Try> tries;  ///< in the order they were made
};

/// The smallest r found by search: doubling from the least that can be built, then bisection; an r counts as
/// enough when seeds seed .. seed + trials - 1 all meet both precisions. options.dim is ignored. Success is
/// not quite monotone in r, so a smaller r may succeed that was not tried. Cost: O(L L' r trials log r); a
/// seed that fails ends early. Throws as plant().
SmallestDim smallest_dim(const SparsePattern& pattern, const PlantOptions& options, std::size_t trials);

#pragma GCC visibility pop

}  // namespace heavykeys
