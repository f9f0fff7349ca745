#include "lib/absorb.hpp"

#include <algorithm>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/float_environment.hpp"
#include "lib/isa.hpp"
#include "lib/shared_tasks.hpp"

namespace heavykeys::detail {

namespace {

const Rows& checked(const SketchState& state, const Rows& rows) {
  if (rows.count == 0) return rows;
  if (rows.dim != state.spec.dim) {
    throw InvalidInput("rows have " + std::to_string(rows.dim) + " columns; the sketch has dim " +
                       std::to_string(state.spec.dim));
  }
  if (rows.data == nullptr) throw InvalidInput("rows have no data");
  return rows;
}

}  // namespace

Absorption::Absorption(SketchState& state, const Rows& rows)
    : state_(state), plan_(state.coverage, state.fragments, state.spec.block_rows, checked(state, rows)) {
  current_isa();
}

void Absorption::run(const Workers& workers) {
  // Errors name the first bad row: waiting rows ahead of the blocks, the blocks, waiting rows behind.
  plan_.check_front();
  const std::vector<Rows>& blocks = plan_.blocks();
  if (!blocks.empty()) {
    const int count =
        static_cast<int>(std::min<std::size_t>(static_cast<std::size_t>(workers.count), blocks.size()));
    batches_.reserve(static_cast<std::size_t>(count));
    for (int w = 0; w < count; ++w) {
      batches_.emplace_back(state_.plan, state_.filter, &state_.metric, state_.sample.fresh());
    }
    share_tasks(
        "absorb", {count, count == 1 ? serial_workers().run : workers.run}, blocks.size(),
        [&](int worker, std::size_t task) { batches_[static_cast<std::size_t>(worker)].add(blocks[task]); });
    metric_ = state_.metric;
    for (BlockBatch& batch : batches_) {
      metric_->add(batch.metric);
      if (&batch == &batches_[0]) continue;
      batches_[0].candidates.append(batch.candidates);
      batches_[0].sample.reserve(batch.sample);
      batches_[0].sample.merge(batch.sample);
    }
    state_.candidates.reserve(batches_[0].candidates);
    state_.sample.reserve(batches_[0].sample);
  }
  plan_.prepare();
}

void Absorption::commit() noexcept {
  if (metric_) {
    state_.metric = std::move(*metric_);
    state_.candidates.append(batches_[0].candidates);
    state_.sample.merge(batches_[0].sample);
  }
  plan_.commit();
}

void absorb_with(Sketch& sketch, const Rows& rows, const Workers& workers) {
  const FloatEnvironment ieee;
  SketchState& state = SketchAccess::state(sketch);
  Absorption absorption(state, rows);
  absorption.run(workers);
  absorption.commit();
  state.maintain();
}

}  // namespace heavykeys::detail
