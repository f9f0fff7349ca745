// The sketch: all that has to be remembered of a key stream. A value: copy it, move it, merge it, store it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "heavykeys/rows.hpp"
#include "heavykeys/spec.hpp"

namespace heavykeys {

namespace detail {
struct SketchState;
struct SketchAccess;
}  // namespace detail

#pragma GCC visibility push(default)

/// State of one pass: the exact Gram matrix G of the gridded rows seen (of their lift to D monomials, where
/// the score has one), the candidates for the universal set, a sample of rows where weights are to be
/// estimated, and the rows of blocks that are not complete yet.
///
/// Size: O(D^2 + |C| d) plus at most block_rows rows for each open block; independent of n. |C| is bounded by
/// a few times UniversalSet::size_bound(). Guarantee: the state is a function of the SET of rows absorbed,
/// not of order, chunks or engine (docs/theory.md T2: a commutative monoid); `to_bytes` is equal exactly when
/// the states are. Excepted are powers beyond the lift (T7), whose weights on arrival depend on what had
/// arrived. Threads: distinct sketches are independent; one sketch may be read by many threads or changed by
/// one.
class Sketch {
 public:
  /// An empty sketch. Throws InvalidInput when the Spec is out of range.
  explicit Sketch(const Spec& spec);
  Sketch(const Sketch&);
  Sketch(Sketch&&) noexcept;
  Sketch& operator=(const Sketch&);
  Sketch& operator=(Sketch&&) noexcept;
  ~Sketch();

  /// As given.
  const Spec& spec() const;

  /// Rows absorbed so far, all streams together.
  std::uint64_t row_count() const;

  /// Id after the largest absorbed of this stream: where an appender goes on. 0 for a new stream.
  std::uint64_t next_row(std::uint64_t stream = 0) const;

  /// Candidates held right now; at least |U|, pruned from time to time, bounded whatever n.
  std::size_t candidate_count() const;

  /// Bytes of heap memory held by this sketch (allocator and map overhead not counted; copies share the
  /// filter).
  std::size_t memory_bytes() const;

 private:
  friend struct detail::SketchAccess;
  std::unique_ptr<detail::SketchState> state_;
};

/// Rows [begin, end) of a stream.
struct RowRange {
  std::uint64_t stream = 0;  ///< see Rows
  std::uint64_t begin = 0;   ///< the first
  std::uint64_t end = 0;     ///< behind the last

  friend bool operator==(const RowRange&, const RowRange&) = default;
};

/// Which rows a sketch has absorbed: ascending ranges that do not touch. What lies between them is missing.
std::vector<RowRange> absorbed_rows(const Sketch& sketch);

/// Absorbs everything `from` has seen into `into`; open blocks complete each other.
/// Cost: O(d^2 + |C| d), plus O(block_rows d^2) for every block the merge completes.
/// Throws Incompatible when the Specs differ (both are in the text) or a row is in both; `into` is then
/// unchanged.
void merge(Sketch& into, const Sketch& from);

/// The canonical bytes (docs/format.md): equal for equal states, whatever engine made them.
/// Cost: as finalize, since only candidates that are members now are written.
std::vector<std::byte> to_bytes(const Sketch& sketch);

/// Inverse of to_bytes. Throws Corrupt for anything to_bytes cannot have written, and for newer versions.
/// No size is believed before it is checked against bytes.size().
/// A custom score is stored by name: its function is taken from the score of `custom` that equals it. Without
/// one, the sketch does all but weigh queries.
Sketch from_bytes(std::span<const std::byte> bytes, const std::vector<Score>& custom = {});

#pragma GCC visibility pop

}  // namespace heavykeys
