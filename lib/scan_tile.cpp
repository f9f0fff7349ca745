#include "lib/scan_tile.hpp"

#include <algorithm>

#include "lib/kernels.hpp"

namespace heavykeys::detail {

namespace {
constexpr std::size_t kProducts = QueryTile::kMostQueries * KeyBlock::kRows;
}  // namespace

void ScanBlock::load(const Rows& rows, bool coarse) {
  keys.load(rows);
  if (coarse) first_look.load(keys, rows.dim);
}

TileScanner::TileScanner(const ScanScore& score, double epsilon, double keep, double tolerance,
                         std::size_t dim)
    : keep_(keep), coarse_(score, tolerance, keep, dim), terms_(score, epsilon), products_(kProducts) {
  close_.reserve(QueryTile::kMostQueries);
}

void TileScanner::begin(const Rows& queries, const CoarseQueries* first_look, std::size_t first,
                        std::span<QueryScan> scans) {
  tile_.load(queries);
  scans_ = scans;
  looks_first_ = first_look != nullptr;
  if (looks_first_) coarse_.begin(tile_, *first_look, first, scans);
}

void TileScanner::add(const ScanBlock& block, std::span<const std::size_t> visible) {
  close_.clear();
  if (looks_first_ && block.first_look.size.usable) {
    coarse_.look(block.keys, block.first_look, visible, close_);
  } else {
    for (std::size_t i = 0; i < visible.size(); ++i) {
      if (visible[i] > 0) close_.push_back(i);
    }
  }
  if (!close_.empty()) look_closely(block.keys, visible);
}

void TileScanner::finish() {
  if (looks_first_) coarse_.finish();
}

void TileScanner::look_closely(const KeyBlock& block, std::span<const std::size_t> visible) {
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
    scans_[i].add(terms_, block.first_id, keep_);
  }
}

}  // namespace heavykeys::detail
