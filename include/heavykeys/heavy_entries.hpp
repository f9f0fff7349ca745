// The heavy entries of queries: all (query, key) pairs whose attention weight reaches epsilon.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "heavykeys/rows.hpp"
#include "heavykeys/spec.hpp"
#include "heavykeys/universal_set.hpp"

namespace heavykeys {

namespace detail {
struct CausalState;
struct CausalAccess;
}  // namespace detail

#pragma GCC visibility push(default)

/// Compressed sparse rows: query i owns entries indptr[i] .. indptr[i+1], keys ascending.
struct HeavyEntries {
  std::vector<std::int64_t> indptr;  ///< [m + 1], starts at 0
  std::vector<KeyId> keys;           ///< [nnz]
  std::vector<double> weights;       ///< [nnz], A_j(q) = f(q.k_j) / sum_l f(q.k_l), or the estimate of it
  std::vector<double> lower;         ///< [nnz], certified: lower <= true weight
  std::vector<double> upper;         ///< [nnz], certified: true weight <= upper

  /// m.
  std::size_t query_count() const { return indptr.empty() ? 0 : indptr.size() - 1; }
  friend bool operator==(const HeavyEntries&, const HeavyEntries&) = default;
};

/// Which entries to list where the weight is known only as an interval [lower, upper].
enum class Mode {
  no_false_negatives,  ///< all with upper >= epsilon: every heavy key is listed
  no_false_positives,  ///< all with lower >= epsilon: every key listed is heavy
};

/// What to list of weights that are known as intervals only.
struct HeavyOptions {
  Mode mode = Mode::no_false_negatives;  ///< which of those that straddle epsilon
  /// delta in (0, 1): [lower, upper] is narrowed by the interval of the row sample (Spec::sample_rows), which
  /// misses the true weights of a query with probability at most delta over the seed. 0: certified bounds.
  double confidence = 0.0;

  friend bool operator==(const HeavyOptions&, const HeavyOptions&) = default;
};

/// All keys j with A_j(q_i) >= epsilon for each query i, over ALL n keys, found from U alone.
/// Shapes: queries [m, d], any dtype. Workspace: O(|U| d + D^2), independent of n (D: coordinates of the
/// lift, d where there is none). Cost: O(m (D^2 + |U| d)). Guarantee, for a score with exact weights
/// (score.hpp): membership equals exact rational arithmetic on the gridded keys and the given queries; ties
/// are entries; upper - lower <= 1e-10; `options` change nothing. For other scores the true weight lies in
/// [lower, upper] (T8), and `mode` says which keys are listed. A query orthogonal to every key has no entries
/// (its weights are 0/0). Throws InvalidInput for another dim, for NaN/Inf, naming row and column, or for
/// options out of range.
HeavyEntries heavy_entries(const UniversalSet& set, const Rows& queries, const HeavyOptions& options = {});

/// Causal heavy entries: query i sees only the keys j <= i + (n - m) (bottom-right aligned), and
/// its weights are normalised over those. One pass over the keys, in order; the queries are read in place.
///
/// Workspace: O(d^2 + d/epsilon * d + block_rows d), independent of n (docs/theory.md T6), plus the entries
/// found. Cost: O(n d^2 + m (d^2 + (d/epsilon + block_rows) d)). Guarantee: as for heavy_entries, on the
/// prefix. Queries that see no key have no entries.
class CausalHeavy {
 public:
  /// `queries` [m, d] must outlive this object; `key_count` is n, the rows that will be absorbed.
  /// Throws InvalidInput for a Spec out of range, another dim, or NaN/Inf in a query, naming row and column.
  CausalHeavy(const Spec& spec, const Rows& queries, std::uint64_t key_count,
              const HeavyOptions& options = {});
  /// One part of the pass: over rows [before.next_row(), end_row), `before` being a sketch of all rows ahead
  /// of them. absorb() and finish() are then about these rows, and the entries are those of the queries whose
  /// last key is among them (with row 0 come the queries that see no key): the parts of all rows, one after
  /// the other, are the whole. Throws InvalidInput, too, unless parts begin and end at multiples of
  /// block_rows, or with the last key.
  CausalHeavy(const Sketch& before, std::uint64_t end_row, const Rows& queries, std::uint64_t key_count,
              const HeavyOptions& options = {});
  CausalHeavy(CausalHeavy&&) noexcept;
  CausalHeavy& operator=(CausalHeavy&&) noexcept;
  ~CausalHeavy();

  /// The next keys: first_id must be next_row(). Throws InvalidInput, nothing absorbed, on bad rows. When
  /// memory runs out (std::bad_alloc), the rows before next_row() are in and the pass can go on from there.
  void absorb(const Rows& keys);
  /// The row that comes next.
  std::uint64_t next_row() const;

  /// The sketch of `before` and the complete blocks so far; of all keys once the last has been absorbed.
  const Sketch& sketch() const;

  /// Takes the entries out, once, after all n keys. Throws InvalidInput when keys are missing.
  HeavyEntries finish();

 private:
  friend struct detail::CausalAccess;
  std::unique_ptr<detail::CausalState> state_;
};

#pragma GCC visibility pop

}  // namespace heavykeys
