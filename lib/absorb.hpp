// Absorbing rows, in two steps: everything that can fail, then a commit that cannot.
#pragma once

#include <optional>
#include <vector>

#include "lib/block_batch.hpp"
#include "lib/sketch_state.hpp"
#include "lib/workers.hpp"

namespace heavykeys::detail {

/// One call of absorb. The sketch is untouched until commit(), which does not throw.
class Absorption {
 public:
  /// Checks shape and ids and plans: which blocks become complete, which rows wait.
  Absorption(SketchState& state, const Rows& rows);

  /// Processes the complete blocks and makes ready to commit.
  void run(const Workers& workers);
  void commit() noexcept;

 private:
  /// Rows that stay raw because their block is not complete.
  struct Piece {
    Rows rows;
    RowStore* left = nullptr;          // the run they continue, if any
    std::optional<Fragments> new_run;  // else a node of their own
    std::optional<KeyId> right;        // the run that continues them
  };

  void plan_partial_block(const Rows& part);
  void prepare(Piece& piece);
  void commit(Piece& piece) noexcept;

  SketchState& state_;
  Rows rows_;
  std::vector<Rows> blocks_;                       // complete blocks, ascending
  std::vector<std::unique_ptr<RowStore>> joined_;  // blocks put together from fragments
  std::vector<KeyId> finished_;                    // runs that go into complete blocks
  std::vector<Piece> pieces_;
  std::optional<Metric> metric_;
  std::vector<BlockBatch> batches_;
};

/// The whole call for one worker group.
void absorb_with(Sketch& sketch, const Rows& rows, const Workers& workers);

}  // namespace heavykeys::detail
