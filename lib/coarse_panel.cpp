#include "lib/coarse_panel.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "lib/coarse_kernels.hpp"

namespace heavykeys::detail {

CoarsePanel::CoarsePanel(const double* columns, std::size_t dim, std::size_t ld, std::size_t count,
                         double norm)
    : dim_(dim), ld_(ld), count_(count), panel_(coarse_width(dim) * ld) {
  constexpr double kSmall = 0x1p-200;  // squares of what matters beside it do not underflow
  size_.usable = norm > kSmall;
  if (!size_.usable) return;
  std::vector<double> squares(ld);
  const double step = coarse_step(norm, dim, 1.0);
  coarse_columns(columns, dim, ld, step, panel_.data(), squares.data());
  size_ = coarse_size(step, norm, *std::ranges::max_element(squares));
}

/// No key whose product is smaller than this, whatever its sign, is wanted. 0: that cannot be told.
std::int32_t CoarsePanel::least_product(const Query& query, const CoarseSize& size) const {
  const double least = (query.least - coarse_error(size, size_)) / (size.step * size_.step) * (1.0 - 0x1p-40);
  if (!(least > 0.0)) return 0;
  // No product is greater than kCoarseNorm squared.
  return static_cast<std::int32_t>(std::min(std::floor(least), 0x1.fffffffcp30));
}

void CoarsePanel::reach(std::span<const Query> queries,
                        std::vector<std::vector<std::uint32_t>>& reached) const {
  const std::size_t width = coarse_width(dim_), count = queries.size();
  AlignedVector<std::int16_t> rows(count * width);
  AlignedVector<std::int32_t> products(count * kMostCoarse);
  std::vector<std::int32_t> least(count);
  for (std::size_t i = 0; i < count; ++i) {
    const CoarseSize size =
        coarse_row(queries[i].row, dim_, queries[i].norm, 2.0, false, rows.data() + i * width);
    least[i] = least_product(queries[i], size);
  }
  reached.assign(count, {});
  std::array<std::uint32_t, kMostCoarse> found = {};
  for (std::size_t first = 0; first < ld_; first += kMostCoarse) {
    const std::size_t some = std::min(kMostCoarse, ld_ - first);
    coarse_products(rows.data(), count, width, panel_.data() + first * width, some, products.data());
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t n = select_far(products.data() + i * some, std::min(some, count_ - first), least[i],
                                       static_cast<std::uint32_t>(first), found.data());
      reached[i].insert(reached[i].end(), found.begin(), found.begin() + static_cast<std::ptrdiff_t>(n));
    }
  }
}

}  // namespace heavykeys::detail
