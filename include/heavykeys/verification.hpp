// Exact weights for scores whose weights are known as intervals: the undecided queries read the keys again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "heavykeys/heavy_entries.hpp"
#include "heavykeys/rows.hpp"
#include "heavykeys/scan.hpp"
#include "heavykeys/spec.hpp"

namespace heavykeys {

namespace detail {
struct VerificationState;
struct VerificationAccess;
}  // namespace detail

#pragma GCC visibility push(default)

/// The second pass (docs/theory.md, T8). Keys that can be read again are pushed again, as rows of stream 0,
/// and are put on the grid of the Spec as the sketch put them. The queries to which a listed entry leaves a
/// doubt (upper - lower > 1e-10, or lower < epsilon) are scanned over all of them; the entries of the others
/// are kept, bit for bit. Where the score has a closed form there is never a doubt. As a Scan it is a
/// function of the set of rows absorbed: shards can be read apart, and merged.
///
/// Shapes: queries [m, d], keys [n, d], any dtype. Cost: O(n d) for each undecided query, and O(n d) once for
/// the grid. Workspace: O(u (d + 1/epsilon) + (block_rows + 256) d + 2^18), u the undecided queries,
/// independent of n; rows that come out of order wait until some thousand of them, aligned, are together.
/// Causal: undecided queries are taken in at most 16 runs of neighbours, each a scan of its own, and the
/// decided queries inside a run are scanned with it, in vain.
///
/// Guarantee, if `found` lists every key that may be heavy (Mode::no_false_negatives, confidence 0), as
/// Scan's on the gridded keys: every heavy key is listed, every true weight lies in [lower, upper], upper -
/// lower <= 1e-10, and what is listed weighs at least (1 - 1e-10) epsilon (options.mode may ask for epsilon).
/// Of another list, queries without entries stay without. The bytes depend neither on how the keys are cut
/// into pushes and shards, nor on the order in which these come and merge, nor on engine and threads.
class Verification {
 public:
  /// `found` of these queries under this Spec. options.key_count is n and must be given; options.causal says
  /// what `found` is of; options.tolerance is not used: doubts end at 1e-10. Throws InvalidInput for a Spec out of range or a custom score without its function,
  /// for entries that do not belong to the queries or name a key that is not among n keys of stream 0 (of
  /// sets of several streams there is no verification), for another dim, NaN/Inf, or, if there is anything to
  /// verify, epsilon below 1e-60.
  Verification(const Spec& spec, HeavyEntries found, const Rows& queries, const ScanOptions& options);
  Verification(Verification&&) noexcept;
  Verification& operator=(Verification&&) noexcept;
  ~Verification();

  /// Queries that have to read the keys again.
  std::size_t undecided_count() const;

  /// False when no query is undecided: finish() then needs no keys.
  bool needed() const { return undecided_count() > 0; }

  /// Rows of stream 0, in any order, each once. Nothing is absorbed when it throws: InvalidInput for bad
  /// rows, for an id that is not below n, and where Scan::absorb throws it for the score; Incompatible for a
  /// row that is in already; std::bad_alloc.
  void absorb(const Rows& keys);

  /// Id after the largest absorbed: where an appender goes on.
  std::uint64_t next_row() const;
  /// Rows absorbed so far.
  std::uint64_t row_count() const;

  /// Takes the entries out, once, after all n keys (at any time when not needed). Throws InvalidInput when
  /// keys are missing: when the set had several streams, too, since n counts the rows of all.
  HeavyEntries finish();

 private:
  friend struct detail::VerificationAccess;
  std::unique_ptr<detail::VerificationState> state_;
};

/// Absorbs everything `from` has seen into `into`: shards may begin anywhere, and the rows at their ends
/// complete each other's blocks. Cost: O(u / epsilon), plus O(u d) for every row of those blocks. Throws
/// Incompatible when Spec, `found`, options or the values of undecided queries differ or a row is in both,
/// InvalidInput when one was finished; `into` is then unchanged.
void merge(Verification& into, const Verification& from);

#pragma GCC visibility pop

}  // namespace heavykeys
