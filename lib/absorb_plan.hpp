// Where rows go that may come in any order: which blocks they complete, which rows wait for theirs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "heavykeys/rows.hpp"
#include "lib/coverage.hpp"
#include "lib/row_store.hpp"

namespace heavykeys::detail {

/// Row ids stay below this.
inline constexpr std::uint64_t kMostRows = std::uint64_t{1} << 62;

/// Rows of incomplete blocks, raw; each entry a maximal run inside one block, keyed by its first row.
using Fragments = std::map<KeyId, RowStore>;

inline Range range_of(const Fragments::value_type& run) {
  return {run.first.row, run.first.row + run.second.count()};
}

/// What `coverage` says less what waits: the rows of complete blocks.
Coverage complete_rows(const Coverage& coverage, const Fragments& fragments);

/// Throws Incompatible, ending in `where`, when some row is in both.
void check_disjoint(const Coverage& a, const Coverage& b, const char* where);

/// The plan of one call that absorbs rows, for all that do. Coverage and fragments are untouched until
/// commit(), which does not throw.
class AbsorbPlan {
 public:
  /// Blocks are the rows [b size, (b + 1) size) of a stream, the last of them cut off at `end`; all ids
  /// are below that. Throws
  /// InvalidInput when ids pass 2^62, Incompatible when a row is in already.
  AbsorbPlan(Coverage& coverage, Fragments& fragments, std::uint64_t block_rows, const Rows& rows,
             std::uint64_t end = kMostRows);

  /// Blocks that these rows complete, ascending; views of the rows themselves or of copies held here.
  const std::vector<Rows>& blocks() const { return blocks_; }

  /// Throws for NaN/Inf in the rows that wait ahead of all blocks: errors name the first bad row.
  void check_front() const;
  /// Checks the rows that wait, and makes ready to commit.
  void prepare();
  void commit() noexcept;

 private:
  /// Rows that stay raw because their block is not complete.
  struct Piece {
    Rows rows;
    RowStore* left = nullptr;          // the run they continue, if any
    std::optional<Fragments> new_run;  // else a node of their own
    std::optional<KeyId> right;        // the run that continues them
  };

  void plan_partial_block(const Rows& part, Range block);
  void prepare(Piece& piece);
  void commit(Piece& piece) noexcept;
  std::uint64_t block_of(std::uint64_t row) const { return row / block_rows_; }

  Coverage& coverage_;
  Fragments& fragments_;
  std::uint64_t block_rows_;
  Rows rows_;
  std::vector<Rows> blocks_;
  std::vector<std::unique_ptr<RowStore>> joined_;  // blocks put together from fragments
  std::vector<KeyId> finished_;                    // runs that go into complete blocks
  std::vector<Piece> pieces_;
};

/// Adds what another value has absorbed, of the same kind of blocks and of other rows: `process` is given
/// every block that the rows which wait in both complete together. Not undone when it throws.
void merge_rows(Coverage& coverage, Fragments& fragments, std::uint64_t block_rows, std::uint64_t end,
                const Coverage& other, const Fragments& waiting,
                const std::function<void(const Rows& block)>& process);

}  // namespace heavykeys::detail
