#include "lib/absorb_plan.hpp"

#include <algorithm>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/read_rows.hpp"

namespace heavykeys::detail {

Coverage complete_rows(const Coverage& coverage, const Fragments& fragments) {
  Coverage complete = coverage;
  for (const auto& run : fragments) complete.remove(run.first.stream, range_of(run));
  return complete;
}

void check_disjoint(const Coverage& a, const Coverage& b, const char* where) {
  for (const auto& [stream, ranges] : b.streams()) {
    for (const Range& range : ranges) {
      Range both;
      if (a.overlaps(stream, range, &both)) throw Incompatible(to_string(stream, both) + where);
    }
  }
}

AbsorbPlan::AbsorbPlan(Coverage& coverage, Fragments& fragments, std::uint64_t block_rows, const Rows& rows,
                       std::uint64_t end)
    : coverage_(coverage), fragments_(fragments), block_rows_(block_rows), rows_(rows) {
  if (rows.count == 0) return;
  if (rows.first_id > kMostRows || rows.count > kMostRows - rows.first_id) {
    throw InvalidInput("row ids from " + std::to_string(rows.first_id) + " on, " +
                       std::to_string(rows.count) + " of them, pass 2^62");
  }
  const Range all{rows.first_id, rows.first_id + rows.count};
  Range overlap;
  if (coverage.overlaps(rows.stream, all, &overlap)) {
    throw Incompatible(to_string(rows.stream, overlap) + " were absorbed before");
  }
  for (std::uint64_t at = all.begin; at < all.end;) {
    const Range block{at / block_rows * block_rows, std::min(end, (at / block_rows + 1) * block_rows)};
    const std::uint64_t stop = std::min(all.end, block.end);
    const Rows part = rows.slice(at - all.begin, stop - at);
    if (part.count == block.end - block.begin) {
      blocks_.push_back(part);
    } else {
      plan_partial_block(part, block);
    }
    at = stop;
  }
}

void AbsorbPlan::plan_partial_block(const Rows& part, Range block) {
  const auto first = fragments_.lower_bound({part.stream, block.begin});
  const auto last = fragments_.lower_bound({part.stream, block.end});
  std::uint64_t present = part.count;
  for (auto f = first; f != last; ++f) present += f->second.count();
  if (present < block.end - block.begin) {
    pieces_.push_back({part, nullptr, std::nullopt, std::nullopt});
    return;
  }
  // The last rows of their block: put it together. What came before was checked when it came.
  auto whole = std::make_unique<RowStore>(part.dim);
  bool placed = false;
  for (auto f = first; f != last; ++f) {
    if (!placed && f->first.row > part.first_id) {
      whole->append(part);
      placed = true;
    }
    whole->append(f->second);
    finished_.push_back(f->first);
  }
  if (!placed) whole->append(part);
  blocks_.push_back(whole->view(block.begin, part.stream));
  joined_.push_back(std::move(whole));
}

void AbsorbPlan::check_front() const {
  if (pieces_.empty()) return;
  const Rows& front = pieces_.front().rows;
  if (blocks_.empty() || front.first_id < blocks_.front().first_id) require_finite(front);
}

void AbsorbPlan::prepare() {
  if (rows_.count == 0) return;
  for (Piece& piece : pieces_) {
    require_finite(piece.rows);
    prepare(piece);
  }
  coverage_.reserve(rows_.stream);
}

void AbsorbPlan::prepare(Piece& piece) {
  const Rows& rows = piece.rows;
  const std::uint64_t end = rows.first_id + rows.count;
  std::size_t extra = 0;
  bool wide = !fits_float(rows);
  if (block_of(end) == block_of(rows.first_id)) {
    if (const auto right = fragments_.find({rows.stream, end}); right != fragments_.end()) {
      piece.right = right->first;
      extra = right->second.count();
      wide = wide || right->second.is_wide();
    }
  }
  auto left = fragments_.lower_bound({rows.stream, rows.first_id});
  if (left != fragments_.begin()) {
    --left;
    const bool adjacent = left->first.stream == rows.stream && range_of(*left).end == rows.first_id &&
                          block_of(left->first.row) == block_of(rows.first_id);
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

void AbsorbPlan::commit(Piece& piece) noexcept {
  RowStore* run = piece.left;
  if (run != nullptr) {
    run->append(piece.rows);
  } else {
    run = &fragments_.insert(piece.new_run->extract(piece.new_run->begin())).position->second;
  }
  if (piece.right) {
    const auto right = fragments_.find(*piece.right);
    run->append(right->second);
    fragments_.erase(right);
  }
}

void AbsorbPlan::commit() noexcept {
  if (rows_.count == 0) return;
  for (const KeyId& run : finished_) fragments_.erase(run);
  for (Piece& piece : pieces_) commit(piece);
  coverage_.add(rows_.stream, {rows_.first_id, rows_.first_id + rows_.count});
}

void merge_rows(Coverage& coverage, Fragments& fragments, std::uint64_t block_rows, std::uint64_t end,
                const Coverage& other, const Fragments& waiting,
                const std::function<void(const Rows& block)>& process) {
  coverage.add(complete_rows(other, waiting));
  for (const auto& [first, run] : waiting) {
    AbsorbPlan plan(coverage, fragments, block_rows, run.view(first.row, first.stream), end);
    for (const Rows& block : plan.blocks()) process(block);
    plan.prepare();
    plan.commit();
  }
}

}  // namespace heavykeys::detail
