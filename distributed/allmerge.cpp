#include <optional>
#include <utility>

#include "distributed/agree.hpp"
#include "distributed/lock_step.hpp"
#include "distributed/open_blocks.hpp"
#include "distributed/reductions.hpp"
#include "distributed/row_directory.hpp"
#include "heavykeys/distributed.hpp"
#include "lib/absorb.hpp"
#include "lib/float_environment.hpp"

namespace heavykeys::distributed {

namespace {

/// The merged sketch, on every rank or on `root`; elsewhere only its metric is.
/// Complete blocks add up: the metric by reduction, then, knowing the whole, the candidates and the sample.
Sketch merged(Communicator& comm, const Sketch& own, std::optional<int> root) {
  agree(comm, "the specs", to_string(own.spec()));
  Sketch copy = own;
  detail::SketchState& state = detail::SketchAccess::state(copy);
  const RowsHere here{state.coverage, state.fragments, state.spec.dim, state.spec.block_rows};
  const RowDirectory directory = gather_rows(comm, here);
  complete_blocks(comm, directory, here,
                  [&](const Rows& rows) { detail::absorb_with(copy, rows, detail::serial_workers()); });
  sum_metric(comm, state.metric);
  detail::Candidates candidates = gather_candidates(comm, *state.plan, state.metric, state.candidates, root);
  detail::RowSample sample = gather_sample(comm, state.sample, root);
  detail::Fragments open = gather_open_blocks(comm, directory, here, root);
  state.candidates = std::move(candidates);
  state.sample = std::move(sample);
  state.fragments = std::move(open);
  state.coverage = directory.rows;
  return copy;
}

}  // namespace

void allmerge(Communicator& comm, Sketch& sketch) {
  const detail::FloatEnvironment ieee;
  if (comm.size() == 1) return;
  std::optional<Sketch> whole;
  LockStep steps(comm);
  steps.run([&] { whole = merged(steps, sketch, std::nullopt); });
  sketch = std::move(*whole);
}

void merge(Communicator& comm, Sketch& sketch, int root) {
  const detail::FloatEnvironment ieee;
  if (comm.size() == 1) return;
  std::optional<Sketch> whole;
  LockStep steps(comm);
  steps.run([&] { whole = merged(steps, sketch, root); });
  if (comm.rank() == root) sketch = std::move(*whole);
}

}  // namespace heavykeys::distributed
