// Absorbing rows, in two steps: everything that can fail, then a commit that cannot.
#pragma once

#include <optional>
#include <vector>

#include "lib/absorb_plan.hpp"
#include "lib/block_batch.hpp"
#include "lib/siblings.hpp"
#include "lib/sketch_state.hpp"
#include "lib/workers.hpp"

namespace heavykeys::detail {

/// One call of absorb. The sketch is untouched until commit(), which does not throw.
class HEAVYKEYS_SIBLINGS Absorption {
 public:
  /// Checks shape and ids and plans: which blocks become complete, which rows wait.
  Absorption(SketchState& state, const Rows& rows);

  /// Processes the complete blocks and makes ready to commit.
  void run(const Workers& workers);
  void commit() noexcept;

 private:
  SketchState& state_;
  AbsorbPlan plan_;
  std::optional<Metric> metric_;
  std::vector<BlockBatch> batches_;
};

/// The whole call for one worker group.
HEAVYKEYS_SIBLINGS void absorb_with(Sketch& sketch, const Rows& rows, const Workers& workers);

}  // namespace heavykeys::detail
