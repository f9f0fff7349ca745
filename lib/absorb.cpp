#include "lib/absorb.hpp"

#include <algorithm>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/dtype.hpp"
#include "lib/float_environment.hpp"
#include "lib/isa.hpp"
#include "lib/shared_tasks.hpp"

namespace heavykeys::detail {

namespace {

constexpr std::uint64_t kMaxRow = std::uint64_t{1} << 62;

void check(const SketchState& state, const Rows& rows) {
  if (rows.dim != state.spec.dim) {
    throw InvalidInput("rows have " + std::to_string(rows.dim) + " columns; the sketch has dim " +
                       std::to_string(state.spec.dim));
  }
  if (rows.data == nullptr) throw InvalidInput("rows have no data");
  if (rows.first_id > kMaxRow || rows.count > kMaxRow - rows.first_id) {
    throw InvalidInput("row ids from " + std::to_string(rows.first_id) + " on, " +
                       std::to_string(rows.count) + " of them, pass 2^62");
  }
  Range overlap;
  if (state.coverage.overlaps(rows.stream, {rows.first_id, rows.first_id + rows.count}, &overlap)) {
    throw Incompatible(to_string(rows.stream, overlap) + " were absorbed before");
  }
}

}  // namespace

Absorption::Absorption(SketchState& state, const Rows& rows) : state_(state), rows_(rows) {
  if (rows.count == 0) return;
  check(state, rows);
  current_isa();
  const std::uint64_t size = state.spec.block_rows;
  const std::uint64_t end = rows.first_id + rows.count;
  for (std::uint64_t at = rows.first_id; at < end;) {
    const std::uint64_t stop = std::min(end, (at / size + 1) * size);
    const Rows part = rows.slice(at - rows.first_id, stop - at);
    if (part.count == size) {
      blocks_.push_back(part);
    } else {
      plan_partial_block(part);
    }
    at = stop;
  }
}

void Absorption::plan_partial_block(const Rows& part) {
  const std::uint64_t size = state_.spec.block_rows;
  const std::uint64_t start = part.first_id / size * size;
  const auto first = state_.fragments.lower_bound({part.stream, start});
  const auto last = state_.fragments.lower_bound({part.stream, start + size});
  std::uint64_t present = part.count;
  for (auto f = first; f != last; ++f) present += f->second.count();
  if (present < size) {
    pieces_.push_back({part, nullptr, std::nullopt, std::nullopt});
    return;
  }
  // The last rows of their block: put it together. What came before was checked when it came.
  auto block = std::make_unique<RowStore>(part.dim);
  bool placed = false;
  for (auto f = first; f != last; ++f) {
    if (!placed && f->first.row > part.first_id) {
      block->append(part);
      placed = true;
    }
    block->append(f->second);
    finished_.push_back(f->first);
  }
  if (!placed) block->append(part);
  blocks_.push_back(block->view(start, part.stream));
  joined_.push_back(std::move(block));
}

void Absorption::run(const Workers& workers) {
  if (rows_.count == 0) return;
  // Errors name the first bad row: waiting rows ahead of the blocks, the blocks, waiting rows behind.
  if (!pieces_.empty() && (blocks_.empty() || pieces_.front().rows.first_id < blocks_.front().first_id)) {
    require_finite(pieces_.front().rows);
  }
  if (!blocks_.empty()) {
    const int count =
        static_cast<int>(std::min<std::size_t>(static_cast<std::size_t>(workers.count), blocks_.size()));
    batches_.reserve(static_cast<std::size_t>(count));
    for (int w = 0; w < count; ++w) {
      batches_.emplace_back(state_.plan, state_.filter, &state_.metric, state_.sample.fresh());
    }
    share_tasks(
        {count, count == 1 ? serial_workers().run : workers.run}, blocks_.size(),
        [&](int worker, std::size_t task) { batches_[static_cast<std::size_t>(worker)].add(blocks_[task]); });
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
  for (Piece& piece : pieces_) {
    require_finite(piece.rows);
    prepare(piece);
  }
  state_.coverage.reserve(rows_.stream);
}

void Absorption::prepare(Piece& piece) {
  const Rows& rows = piece.rows;
  const std::uint64_t end = rows.first_id + rows.count;
  std::size_t extra = 0;
  bool wide = !fits_float(rows);
  if (state_.block_of(end) == state_.block_of(rows.first_id)) {
    if (const auto right = state_.fragments.find({rows.stream, end}); right != state_.fragments.end()) {
      piece.right = right->first;
      extra = right->second.count();
      wide = wide || right->second.is_wide();
    }
  }
  auto left = state_.fragments.lower_bound({rows.stream, rows.first_id});
  if (left != state_.fragments.begin()) {
    --left;
    const bool adjacent = left->first.stream == rows.stream &&
                          state_.fragment_range(*left).end == rows.first_id &&
                          state_.block_of(left->first.row) == state_.block_of(rows.first_id);
    if (adjacent) {
      piece.left = &left->second;
      piece.left->reserve(rows.count + extra, wide);
      return;
    }
  }
  RowStore& store =
      piece.new_run.emplace().emplace(KeyId{rows.stream, rows.first_id}, RowStore(rows.dim)).first->second;
  store.reserve(rows.count + extra, wide);
  store.append(rows);
}

void Absorption::commit(Piece& piece) noexcept {
  RowStore* run = piece.left;
  if (run != nullptr) {
    run->append(piece.rows);
  } else {
    run = &state_.fragments.insert(piece.new_run->extract(piece.new_run->begin())).position->second;
  }
  if (piece.right) {
    const auto right = state_.fragments.find(*piece.right);
    run->append(right->second);
    state_.fragments.erase(right);
  }
}

void Absorption::commit() noexcept {
  if (rows_.count == 0) return;
  if (metric_) {
    state_.metric = std::move(*metric_);
    state_.candidates.append(batches_[0].candidates);
    state_.sample.merge(batches_[0].sample);
  }
  for (const KeyId& run : finished_) state_.fragments.erase(run);
  for (Piece& piece : pieces_) commit(piece);
  state_.coverage.add(rows_.stream, {rows_.first_id, rows_.first_id + rows_.count});
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
