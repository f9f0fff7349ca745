// The filter of lifted rows: a random projection finds the few that need a closer look.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "heavykeys/projection.hpp"
#include "lib/dense_kernels.hpp"
#include "lib/kernels.hpp"
#include "lib/prune_filter.hpp"

namespace heavykeys::detail {

namespace {

/// P[chi-square_96 / 96 < 1/4] <= exp(-48 (1/4 - 1 + ln 4)) < 1e-13: so likely is a row of leverage >=
/// epsilon to look below epsilon / 4.
constexpr std::size_t kSketched = 96;
constexpr double kLooksLight = 0.25;

constexpr std::size_t kMostSuspects = 64;

/// Fixed: what looks light decides the speed and nothing else.
constexpr std::uint64_t kSeed = 1;

/// Lifted rows of a block, scaled to an equilibrated Gram matrix, as float32.
class ScaledPanels {
 public:
  ScaledPanels(BlockGram& block, const Lift& lift, const std::vector<double>& unit)
      : block_(block),
        lift_(lift),
        unit_(unit),
        width_(padded(lift.size())),
        integers_(lift.dim()),
        products_(lift.size()),
        rows_(BlockGram::kPanelRows * width_, 0.0f) {}

  const float* read(std::size_t first, std::size_t count) {
    const std::int32_t* q = block_.panel(first, count);
    for (std::size_t r = 0; r < count; ++r) {
      const double* row = lifted_row(q + r * block_.width());
      for (std::size_t c = 0; c < lift_.size(); ++c) rows_[r * width_ + c] = static_cast<float>(row[c]);
    }
    return rows_.data();
  }
  /// Row r in float64, appended.
  void append(std::size_t r, std::vector<double>& out) {
    const double* row = lifted_row(block_.panel(r, 1));
    out.insert(out.end(), row, row + lift_.size());
  }
  std::size_t width() const { return width_; }

 private:
  const double* lifted_row(const std::int32_t* q) {
    std::copy_n(q, lift_.dim(), integers_.begin());
    lift_.products(integers_.data(), products_.data());
    for (std::size_t c = 0; c < lift_.size(); ++c) products_[c] *= unit_[c];
    return products_.data();
  }

  BlockGram& block_;
  const Lift& lift_;
  const std::vector<double>& unit_;
  std::size_t width_;
  std::vector<double> integers_, products_;
  AlignedVector<float> rows_;
};

}  // namespace

void PruneFilter::sketch_inverse() {
  const std::size_t d = scale_.size(), width = padded(d);
  Rows rows = heavykeys::rows(inverse_.data(), d, d);
  rows.row_stride = static_cast<std::ptrdiff_t>(width);
  const std::vector<double> projected = apply(Projection::gaussian(kSketched, d, kSeed), rows);
  sketch_.assign(width * kSketched, 0.0f);
  std::copy(projected.begin(), projected.end(), sketch_.begin());
}

bool PruneFilter::others_are_light(const std::vector<int>& exponents, const std::vector<double>& unit,
                                   const LiftedGram& lifted, const std::vector<double>& suspects) const {
  const std::size_t d = scale_.size(), width = padded(d), count = suspects.size() / d;
  const double epsilon = epsilon_ * (1.0 - 0x1p-30);  // decisions on lifts have a zone below the threshold
  AlignedVector<double> a(d * width, 0.0);
  double trace = 0.0;
  for (std::size_t i = 0; i < d; ++i) {
    const double* sums = lifted.block_sums().data() + i * d;
    for (std::size_t j = i; j < d; ++j) {
      a[i * width + j] = epsilon * gram_[i * d + j] - sums[j] * unit[i] * unit[j];
    }
    trace += epsilon * gram_[i * d + i] + sums[i] * unit[i] * unit[i];
    for (std::size_t s = 0; s < count; ++s) {
      const double* row = suspects.data() + s * d;
      for (std::size_t j = i; j < d; ++j) a[i * width + j] += row[i] * row[j];
    }
  }
  // Rounding of G', of S (64 units at most, see block_sums), of each suspect's square, of the elimination.
  const double shift = 8.0 * (static_cast<double>(d + 4 * count) + 72.0) * 0x1p-53 * trace;
  for (std::size_t i = 0; i < d; ++i) {
    const bool absent = std::isinf(weight_[i]) && exponents[i] == kZeroColumn;
    a[i * width + i] = absent ? 1.0 : a[i * width + i] - shift;
  }
  return eliminates_positively(a.data(), d, width);
}

void PruneFilter::survivors_of_lift(BlockGram& block, const Plan& plan, const LiftedGram& lifted,
                                    std::vector<std::uint32_t>& survivors) const {
  const Lift& lift = plan.lift;
  const std::vector<int> exponents = lifted_exponents(lift, plan.spec.grid_bits, block.exponents());
  std::vector<double> unit(lift.size(), 0.0);
  for (std::size_t c = 0; c < lift.size(); ++c) {
    if (exponents[c] == kZeroColumn) continue;
    // A column that is zero in G' makes its rows as long as can be: nothing proves them light.
    unit[c] = std::isinf(weight_[c])
                  ? 0x1p120
                  : std::ldexp(1.0, std::clamp(exponents[c] - plan.gram_bits() - scale_[c], -1000, 120));
  }
  ScaledPanels panels(block, lift, unit);
  std::vector<float> projections(BlockGram::kPanelRows), lengths(BlockGram::kPanelRows);
  std::vector<std::uint32_t> all(BlockGram::kPanelRows), open, suspected;
  std::iota(all.begin(), all.end(), 0u);
  double sum = 0.0;  // of the leverages that look light
  for (std::size_t first = 0; first < block.rows(); first += BlockGram::kPanelRows) {
    const std::size_t count = std::min(BlockGram::kPanelRows, block.rows() - first);
    projected_norms(panels.read(first, count), all.data(), count, panels.width(), sketch_.data(), kSketched,
                    projections.data(), lengths.data());
    for (std::size_t r = 0; r < count; ++r) {
      if (static_cast<double>(projections[r]) < kLooksLight * epsilon_) {
        sum += static_cast<double>(projections[r]);
      } else {
        suspected.push_back(static_cast<std::uint32_t>(first + r));
      }
    }
  }
  // S < epsilon G' needs more than the average over the D directions.
  bool only_suspects =
      suspected.size() <= kMostSuspects && sum < 0.5 * epsilon_ * static_cast<double>(lift.size());
  if (only_suspects) {
    std::vector<double> rows;
    for (std::uint32_t r : suspected) panels.append(r, rows);
    only_suspects = others_are_light(exponents, unit, lifted, rows);
  }
  for (std::size_t first = 0; first < block.rows(); first += BlockGram::kPanelRows) {
    const std::size_t count = std::min(BlockGram::kPanelRows, block.rows() - first);
    open.clear();
    if (only_suspects) {
      for (std::uint32_t r : suspected) {
        if (r >= first && r < first + count) open.push_back(r - static_cast<std::uint32_t>(first));
      }
      if (open.empty()) continue;
    } else {
      open.assign(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count));
    }
    projected_norms(panels.read(first, count), open.data(), open.size(), panels.width(), inverse_.data(),
                    panels.width(), projections.data(), lengths.data());
    judge(open, projections.data(), lengths.data(), first, survivors);
  }
}

}  // namespace heavykeys::detail
