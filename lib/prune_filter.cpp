#include "lib/prune_filter.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/certified_factor.hpp"
#include "lib/dense_kernels.hpp"
#include "lib/grid.hpp"
#include "lib/kernels.hpp"
#include "lib/scaled_gram.hpp"

namespace heavykeys::detail {

namespace {

/// Covers the float32 sums below (relative error <= (d + 8) 2^-23 <= 5e-4 for d <= 4096) and their inputs.
constexpr double kFloatMargin = 1.0 + 1e-3;

/// Scales of the two float32 tests stay in a range where no square overflows or vanishes.
constexpr double kLargest = 0x1p60, kSmallest = 0x1p-50;

/// weight[order[i]] with G'^-1 <= diag(weight).
/// M = X^T X; for positive c, M <= diag(sum_j |M_ij| c_j / c_i). With c_i = 1/sqrt(M_ii) each term is a
/// correlation, so that a diagonal M is bounded by itself.
void diagonal_bound(const std::vector<double>& x, const std::vector<std::size_t>& order, double inverse_error,
                    double theta, std::vector<double>& weight) {
  const std::size_t r = order.size();
  std::vector<double> m(r * r, 0.0);
  for (std::size_t i = 0; i < r; ++i) {
    for (std::size_t k = i; k < r; ++k) subtract_multiple(&m[i * r], &x[k * r], -x[k * r + i], i + 1);
  }
  std::vector<double> root(r), sums(r, 0.0);
  for (std::size_t i = 0; i < r; ++i) root[i] = std::sqrt(m[i * r + i]);
  for (std::size_t i = 0; i < r; ++i) {
    sums[i] += root[i];
    for (std::size_t j = 0; j < i; ++j) {
      const double mij = std::fabs(m[i * r + j]);
      sums[i] += mij / root[j];
      sums[j] += mij / root[i];
    }
  }
  for (std::size_t i = 0; i < r; ++i) {
    const double sum = sums[i] * root[i];
    // (a + b)^2 <= (1 + 2^-10) a^2 + (1 + 2^10) b^2 brings in the error of X; theta the error of the factor.
    weight[order[i]] =
        (sum * (1.0 + 0x1p-10) + inverse_error * inverse_error * 1025.0) / (1.0 - theta) * (1.0 + 1e-6);
  }
}

}  // namespace

template <class Factor>
std::shared_ptr<PruneFilter> PruneFilter::from_factor(const Factor& factor, std::size_t dim, double epsilon,
                                                      bool lifted) {
  if (!factor.certified() || factor.theta() > 0.25) return nullptr;
  const std::vector<std::size_t>& order = factor.order();
  const std::vector<double> x = factor.inverse();
  const std::size_t r = order.size();
  const std::size_t width = padded(dim);

  std::shared_ptr<PruneFilter> filter(new PruneFilter);
  filter->epsilon_ = epsilon;
  filter->theta_ = factor.theta();

  filter->weight_.assign(dim, std::numeric_limits<double>::infinity());
  double squares = 0.0;
  for (double v : x) squares += v * v;
  const double inverse_error = factor.inverse_error() + 0x1p-52 * std::sqrt(squares);
  if (lifted) {  // monomials are too correlated for a diagonal bound, and M costs as much as the factor
    for (std::size_t i = 0; i < r; ++i) filter->weight_[order[i]] = 0.0;
  } else {
    diagonal_bound(x, order, inverse_error, factor.theta(), filter->weight_);
  }

  filter->inverse_.assign(width * width, 0.0f);
  for (std::size_t k = 0; k < r; ++k) {
    for (std::size_t i = 0; i <= k; ++i)
      filter->inverse_[order[i] * width + k] = static_cast<float>(x[k * r + i]);
  }
  // float32: rounding of X, then dot products of `width` terms; float64: the error of X itself.
  const double gamma = (static_cast<double>(width) + 8) * 0x1p-24;
  filter->factor_slack_ = (gamma * std::sqrt(squares) + inverse_error) * kFloatMargin;
  filter->underflow_ = std::sqrt(squares) * 0x1p-60;
  return filter;
}

std::shared_ptr<const PruneFilter> PruneFilter::build(const ExactGram& gram, const Lift& lift,
                                                      double threshold, std::uint64_t rows) {
  const std::vector<std::size_t> columns = nonzero_columns(gram);
  const bool lifted = !lift.is_trivial();
  // Squares of floats clamped at 2^-50 stay normal only for thresholds well above 2^-100.
  if (columns.empty() || gram.rows() < columns.size() || threshold < 0x1p-40) return nullptr;
  const std::vector<int> scale = equilibration(gram);
  std::shared_ptr<PruneFilter> filter =
      from_factor(CertifiedFactor<double>(gram, scale, columns), gram.dim(), threshold, lifted);
  if (!filter && !lifted) {
    filter = from_factor(CertifiedFactor<DoubleDouble>(gram, scale, columns), gram.dim(), threshold, lifted);
  }
  if (!filter) return nullptr;
  filter->rows_ = rows;
  filter->scale_ = scale;
  if (lifted) {
    const bool finite = std::all_of(filter->inverse_.begin(), filter->inverse_.end(),
                                    [](float v) { return std::isfinite(v); });
    if (!finite) return nullptr;  // too ill-conditioned for float32
    filter->sketch_inverse();
  }
  filter->gram_.assign(gram.dim() * gram.dim(), 0.0);
  for (std::size_t i : columns) {
    for (std::size_t j : columns) {
      if (i <= j) filter->gram_[i * gram.dim() + j] = nearest_entry(gram, scale, i, j);
    }
  }
  return filter;
}

bool PruneFilter::whole_block_is_light(const BlockGram& block, int grid_bits) const {
  const std::size_t d = scale_.size(), width = block.width();
  if (block.rows() < d) return false;  // the rows one by one are cheaper
  std::vector<double> unit(d);
  for (std::size_t i = 0; i < d; ++i) {
    const int e = block.exponents()[i];
    unit[i] =
        e == kZeroColumn ? 0.0 : std::ldexp(1.0, e - grid_bits - scale_[i]);  // infinite: the test fails
  }
  AlignedVector<double> a(d * width, 0.0);
  double trace = 0.0;
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = i; j < d; ++j) {
      a[i * width + j] =
          epsilon_ * gram_[i * d + j] - static_cast<double>(block.sums()[i * width + j]) * unit[i] * unit[j];
    }
    trace +=
        epsilon_ * gram_[i * d + i] + static_cast<double>(block.sums()[i * width + i]) * unit[i] * unit[i];
  }
  // Rounding of G', S, their difference, and the elimination: all below (2 d + 8) 2^-53 trace.
  const double shift = 8.0 * (static_cast<double>(d) + 8.0) * 0x1p-53 * trace;
  for (std::size_t i = 0; i < d; ++i) {
    const bool absent = std::isinf(weight_[i]) && block.exponents()[i] == kZeroColumn;
    a[i * width + i] =
        absent ? 1.0 : a[i * width + i] - shift;  // a column that is zero in G' and in the block
  }
  return eliminates_positively(a.data(), d, width);
}

void PruneFilter::judge(const std::vector<std::uint32_t>& open, const float* projections,
                        const float* lengths, std::size_t first,
                        std::vector<std::uint32_t>& survivors) const {
  for (std::size_t a = 0; a < open.size(); ++a) {
    const double root = std::sqrt(static_cast<double>(projections[a])) * kFloatMargin +
                        factor_slack_ * std::sqrt(static_cast<double>(lengths[a])) * kFloatMargin +
                        underflow_;
    const double tau = root * root / (1.0 - theta_) * kFloatMargin;
    if (!(tau < epsilon_)) survivors.push_back(static_cast<std::uint32_t>(first) + open[a]);
  }
}

void PruneFilter::survivors(BlockGram& block, const Plan& plan, const LiftedGram* lifted,
                            std::vector<std::uint32_t>& survivors) const {
  if (lifted != nullptr) return survivors_of_lift(block, plan, *lifted, survivors);
  const int grid_bits = plan.spec.grid_bits;
  const std::size_t width = block.width();
  const std::vector<int>& exponents = block.exponents();

  if (whole_block_is_light(block, grid_bits)) return;

  AlignedVector<float> diagonal(width, 0.0f), plain(width, 0.0f);
  for (std::size_t i = 0; i < scale_.size(); ++i) {
    if (exponents[i] == kZeroColumn) continue;
    const double unit = std::ldexp(1.0, std::clamp(exponents[i] - grid_bits - scale_[i], -500, 500));
    // Raising a scale raises the diagonal bound, so clamping from below is safe; at kLargest a single
    // nonzero integer already exceeds every epsilon, also through factor_slack_.
    diagonal[i] =
        static_cast<float>(std::clamp(std::sqrt(weight_[i]) * unit * (1.0 + 1e-6), kSmallest, kLargest));
    // The projection can cancel, so its scales are exact powers of two; what is set to 0 here is below
    // 2^-76 in the row and is made good by underflow_.
    plain[i] = std::isinf(weight_[i]) || unit > kLargest ? static_cast<float>(kLargest)
               : unit < 0x1p-100                         ? 0.0f
                                                         : static_cast<float>(unit);
  }

  std::vector<float> norms(BlockGram::kPanelRows), projections(BlockGram::kPanelRows),
      lengths(BlockGram::kPanelRows);
  std::vector<std::uint32_t> open;
  for (std::size_t first = 0; first < block.rows(); first += BlockGram::kPanelRows) {
    const std::size_t count = std::min(BlockGram::kPanelRows, block.rows() - first);
    const std::int32_t* q = block.panel(first, count);
    weighted_norms(q, count, width, diagonal.data(), norms.data());
    open.clear();
    for (std::size_t r = 0; r < count; ++r) {
      if (!(norms[r] * kFloatMargin < epsilon_)) open.push_back(static_cast<std::uint32_t>(r));
    }
    if (open.empty()) continue;
    projected_norms(q, open.data(), open.size(), width, plain.data(), inverse_.data(), projections.data(),
                    lengths.data());
    judge(open, projections.data(), lengths.data(), first, survivors);
  }
}

}  // namespace heavykeys::detail
