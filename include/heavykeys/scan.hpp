// Heavy entries for any score, softmax included: the queries come first, then one pass over the keys.
#pragma once

#include <cstdint>
#include <memory>

#include "heavykeys/heavy_entries.hpp"
#include "heavykeys/rows.hpp"
#include "heavykeys/score.hpp"

namespace heavykeys {

namespace detail {
struct ScanState;
struct ScanAccess;
}  // namespace detail

#pragma GCC visibility push(default)

/// How a scan sees the keys.
struct ScanOptions {
  /// Query i of m sees only the keys j <= i + (n - m), and its weights are normalised over those.
  bool causal = false;
  std::uint64_t key_count = 0;  ///< n, where it is known; must be when causal: 0 is then no keys
  /// Which keys to list where [lower, upper] straddles epsilon (it is at most `tolerance` weight wide).
  Mode mode = Mode::no_false_negatives;
  /// How wide [lower, upper] may be, relative to the weight; in [1e-10, 0.1]. From about 0.01 on a scan of
  /// softmax first looks at products of 16-bit integers, several times as fast as float64; blocks of keys
  /// where that would be too coarse (|q||k| times the scale beyond some hundreds) are done closely.
  double tolerance = 1e-10;

  friend bool operator==(const ScanOptions&, const ScanOptions&) = default;
};

/// All keys j with A_j(q_i) >= epsilon, for every kind of Score, from one pass over the keys. The keys are
/// taken as given (no grid). A scan is a function of the SET of rows absorbed: shards of the keys can be
/// scanned apart, each by a scan of the same queries, and merged.
///
/// Shapes: queries [m, d], keys [n, d], any dtype. Workspace: O(m / epsilon + max(256 d, 2^18)), independent
/// of n, and 2 m d bytes to a tolerance from 2^-14 on; rows that come out of order wait until 256 .. 4096 of
/// them, aligned, are together. Cost: O(m n d); of threads, one for each 16 queries is of use. A block of keys
/// whose terms float64 does not resolve well enough is computed again in twice its precision, about ten times
/// slower.
///
/// Guarantee (docs/theory.md, "The scan"), for a custom score as far as its function is accurate to 1e-13 and
/// neither overflows nor underflows: the true weight lies in [lower, upper], upper - lower <= t weight, t
/// the tolerance, and
///   no_false_negatives   j is listed if A_j >= epsilon (ties too), and only if A_j >= (1 - t) epsilon;
///   no_false_positives   j is listed only if A_j >= epsilon, and if A_j >= (1 + t) epsilon.
/// Ties are not told apart from misses by less than 1e-10: one pass cannot form the normaliser of a general
/// score exactly. A query to which every key gives f = 0 has no entries (its weights are 0/0). Sums neither
/// overflow nor underflow, whatever the magnitudes. The bytes depend neither on how the keys are cut into
/// pushes and shards, nor on the order in which these come and merge, nor on engine and threads.
class Scan {
 public:
  /// `queries` must outlive this object. Throws InvalidInput for a score out of range or without its
  /// function, epsilon outside [1e-60, 1], dim outside 1 .. 4096, or NaN/Inf in a query, naming row and
  /// column.
  Scan(const Score& score, double epsilon, const Rows& queries, const ScanOptions& options = {});
  Scan(Scan&&) noexcept;
  Scan& operator=(Scan&&) noexcept;
  ~Scan();

  /// Rows of stream 0, in any order, each once. Contiguous ones are the fastest. Nothing is absorbed when it
  /// throws: InvalidInput for another dim, NaN/Inf (naming row and column), an id past the announced n, a
  /// softmax logit that could pass 2^60, an argument of a custom score that could pass 2^900 (naming the
  /// row), or a custom function that returns anything but a finite number >= 0; Incompatible for a row that
  /// is in already; std::bad_alloc.
  void absorb(const Rows& keys);

  /// Id after the largest absorbed: where an appender goes on.
  std::uint64_t next_row() const;
  /// Rows absorbed so far.
  std::uint64_t row_count() const;

  /// Takes the entries out, once, after the last key. Throws InvalidInput, naming them, when keys are
  /// missing: announced ones, or any before the last.
  HeavyEntries finish();

 private:
  friend struct detail::ScanAccess;
  std::unique_ptr<detail::ScanState> state_;
};

/// Absorbs everything `from` has seen into `into`: shards may begin anywhere, and the rows at their ends
/// complete each other's blocks. Cost: O(m / epsilon), plus O(m d) for every row of those blocks. Throws
/// Incompatible when score, epsilon, options or the values of the queries differ or a row is in both,
/// InvalidInput when one was finished; `into` is then unchanged.
void merge(Scan& into, const Scan& from);

/// The scan of keys that are at hand: Scan, absorb, finish; and where options.tolerance leaves open whether a
/// key is heavy for a query, that query once more, to 1e-10. So what is listed is as at 1e-10 whatever the
/// tolerance, which is about weights. With options.causal, key_count is keys.count.
HeavyEntries scan(const Score& score, double epsilon, const Rows& queries, const Rows& keys,
                  const ScanOptions& options = {});

#pragma GCC visibility pop

}  // namespace heavykeys
