#include "lib/scan_tile.hpp"

#include <algorithm>

#include "lib/kernels.hpp"

namespace heavykeys::detail {

namespace {
constexpr std::size_t kProducts = QueryTile::kMostQueries * KeyBlock::kRows;
constexpr std::size_t kTogether = 32;  // queries whose integer products stay in the first cache
}  // namespace

void ScanBlock::load(const Rows& rows, bool coarse) {
  keys.load(rows);
  if (coarse) first_look.load(keys, rows.dim);
}

TileScanner::TileScanner(const ScanScore& score, double epsilon, double keep, double tolerance,
                         std::size_t dim)
    : keep_(keep),
      looks_(QueryTile::kMostQueries),
      coarse_terms_(QueryTile::kMostQueries),
      coarse_(score, tolerance, dim),
      terms_(score, epsilon),
      integers_(kTogether * KeyBlock::kRows),
      products_(kProducts) {
  close_.reserve(QueryTile::kMostQueries);
}

void TileScanner::load(const Rows& queries, const CoarseQueries* first_look, std::size_t begin) {
  tile_.load(queries);
  first_look_ = first_look;
  begin_ = begin;
}

void TileScanner::add(const ScanBlock& block, std::span<const std::size_t> visible,
                      std::span<QueryScan> scans) {
  close_.clear();
  if (first_look_ != nullptr && block.first_look.size.usable) {
    look_first(block, visible, scans);
  } else {
    for (std::size_t i = 0; i < visible.size(); ++i) {
      if (visible[i] > 0) close_.push_back(i);
    }
  }
  if (!close_.empty()) look_closely(block.keys, visible, scans);
}

/// Leaves in close_ the queries to which the block's integers would be too coarse.
void TileScanner::look_first(const ScanBlock& block, std::span<const std::size_t> visible,
                             std::span<QueryScan> scans) {
  coarse_.choose(first_look_->size.data() + begin_, block.first_look.size, visible, looks_.data(),
                 coarse_terms_.data());
  std::size_t first = visible.size();
  for (std::size_t i = visible.size(); i-- > 0;) {
    if (coarse_terms_[i].n > 0) first = i;
  }
  for (std::size_t i = 0; i < visible.size(); ++i) {
    if (!looks_[i].suits && visible[i] > 0) close_.push_back(i);
  }
  for (std::size_t begin = first; begin < visible.size(); begin += kTogether)
    look_at(block, begin, std::min(kTogether, visible.size() - begin), scans);
}

/// Queries [begin, begin + count), of which some may not take a first look.
void TileScanner::look_at(const ScanBlock& block, std::size_t begin, std::size_t count,
                          std::span<QueryScan> scans) {
  const std::size_t width = first_look_->width, ld = block.keys.ld;
  coarse_products(first_look_->values.data() + (begin_ + begin) * width, count, width,
                  block.first_look.panel.data(), ld, integers_.data());
  coarse_sums(integers_.data(), ld, count, coarse_terms_.data() + begin);
  for (std::size_t i = begin; i < begin + count; ++i) {
    const CoarseTerm& terms = coarse_terms_[i];
    if (terms.n == 0) continue;
    double needed = 0.0;
    if (!scans[i].add(coarse_sum(looks_[i], terms), coarse_most(looks_[i], terms), keep_, needed)) continue;
    coarse_.append_candidates({tile_, i, block.keys}, looks_[i], terms, integers_.data() + (i - begin) * ld,
                              needed, scans[i].candidates);
    scans[i].sweep_when_due(keep_);
  }
}

void TileScanner::look_closely(const KeyBlock& block, std::span<const std::size_t> visible,
                               std::span<QueryScan> scans) {
  const std::size_t dim = tile_.dim;
  const double* queries = tile_.scaled.data() + close_.front() * dim;
  if (close_.back() - close_.front() + 1 != close_.size()) {
    gathered_.resize(close_.size() * dim);
    for (std::size_t c = 0; c < close_.size(); ++c)
      std::copy_n(tile_.scaled.data() + close_[c] * dim, dim, gathered_.data() + c * dim);
    queries = gathered_.data();
  }
  dot_products(queries, close_.size(), dim, block.columns.data(), block.ld, products_.data());
  for (std::size_t c = 0; c < close_.size(); ++c) {
    const std::size_t i = close_[c];
    terms_.evaluate(tile_, i, block, visible[i], products_.data() + c * block.ld);
    scans[i].add(terms_, block.first_id, keep_);
  }
}

}  // namespace heavykeys::detail
