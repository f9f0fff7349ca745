#include "lib/pattern_precision.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/aligned.hpp"
#include "lib/attention_kernels.hpp"
#include "lib/float_environment.hpp"
#include "lib/portable_math.hpp"
#include "lib/read_rows.hpp"
#include "lib/shared_tasks.hpp"
#include "lib/text.hpp"

namespace heavykeys::detail {

namespace {

/// All elements as float64, row-major.
std::vector<double> in_float64(const Rows& rows) {
  std::vector<double> out(rows.count * rows.dim);
  for (std::size_t i = 0; i < rows.count; ++i) read_row(rows, i, out.data() + i * rows.dim);
  return out;
}

double greatest_length(const std::vector<double>& rows, std::size_t dim) {
  double top = 0.0;
  for (std::size_t i = 0; i < rows.size(); i += dim) {
    double size = 0.0;  // the 1-norm: no square that could overflow
    for (std::size_t c = 0; c < dim; ++c) size += std::fabs(rows[i + c]);
    top = std::max(top, size);
  }
  return top;
}

/// The Euclidean length, scaled by the greatest element: no square overflows or underflows.
double length_of(const double* v, std::size_t dim) {
  double top = 0.0, sum = 0.0;
  for (std::size_t c = 0; c < dim; ++c) top = std::max(top, std::fabs(v[c]));
  if (top == 0.0) return 0.0;
  for (std::size_t c = 0; c < dim; ++c) sum += (v[c] / top) * (v[c] / top);
  return top * std::sqrt(sum);
}

void check_shapes(const SparsePattern& pattern, const Rows& queries, const Rows& keys) {
  if (queries.count != pattern.rows || keys.count != pattern.columns || queries.dim != keys.dim ||
      queries.dim == 0) {
    throw InvalidInput("queries (" + std::to_string(queries.count) + ", " + std::to_string(queries.dim) +
                       ") and keys (" + std::to_string(keys.count) + ", " + std::to_string(keys.dim) +
                       ") do not fit a pattern of shape (" + std::to_string(pattern.rows) + ", " +
                       std::to_string(pattern.columns) + ")");
  }
  require_finite(queries);
  require_finite(keys);
}

/// e^x - 1 for x >= 0.
double exp_minus_one(double x) { return x < 1e-5 ? x + x * x / 2.0 : portable_exp(x) - 1.0; }

/// 32 queries on the lanes of the attention kernels, all keys below them.
struct StripWork {
  AlignedVector<double> queries;  // [dim, 32]
  AlignedVector<double> x;        // [keys, 32]: logits, then weights
  double shift[kStripWidth] = {}, factor[kStripWidth] = {}, sum[kStripWidth] = {};
  double top[kStripWidth] = {}, rest[kStripWidth] = {};
};

class Examination {
 public:
  Examination(const SparsePattern& pattern, const Rows& queries, const Rows& keys) : pattern_(pattern) {
    shape_of(pattern);
    check_shapes(pattern, queries, keys);
    queries_ = in_float64(queries);
    keys_ = in_float64(keys);
    dim_ = keys.dim;
    if (!(greatest_length(queries_, dim_) * greatest_length(keys_, dim_) < 0x1p60))
      throw InvalidInput("queries and keys are so long that a logit could pass 2^60");
    bound_logit_errors();
    wanted_ = normalised_weights(pattern);
  }

  std::size_t strips() const { return (pattern_.rows + kStripWidth - 1) / kStripWidth; }

  /// The precision of rows 32 s .. 32 s + 31.
  PatternPrecision strip(std::size_t s, StripWork& work) const {
    const std::size_t first = s * kStripWidth;
    const std::size_t count = std::min(kStripWidth, pattern_.rows - first);
    PatternPrecision found;
    take_logits(first, count, work);
    for (std::size_t u = 0; u < count; ++u) {
      found.ratio_error = std::max(found.ratio_error, ratio_error(first + u, u, work));
      found.logit_error = std::max(found.logit_error, logit_errors_[first + u]);
    }
    const Term softmax;
    const Strip<double> all{work.x.data(), pattern_.columns, kStripWidth, nullptr, nullptr, nullptr};
    std::fill_n(work.shift, kStripWidth, least_shift<double>(softmax));
    raise_shift(softmax, all, work.shift, work.factor);
    weigh(softmax, all, work.shift, work.sum);
    for (std::size_t u = 0; u < count; ++u) take_support(first + u, u, work, found);
    take_rest(first, count, work, found);
    return found;
  }

 private:
  /// A sum of r products is off by at most r u / (1 - r u) |x| |y|, u = 2^-53 (Higham, section 3.1), in any
  /// order; the subtractions that follow by 3 u |x| |y|. The rounding of the bound itself is in 1.0001.
  void bound_logit_errors() {
    double longest = 0.0;
    for (std::size_t j = 0; j < pattern_.columns; ++j)
      longest = std::max(longest, length_of(keys_.data() + j * dim_, dim_));
    const double unit = static_cast<double>(dim_ + 3) * 0x1p-53 * 1.0001;
    logit_errors_.resize(pattern_.rows);
    for (std::size_t i = 0; i < pattern_.rows; ++i) {
      const double error = unit * (length_of(queries_.data() + i * dim_, dim_) * longest);
      logit_errors_[i] = error;
      if (!(error <= 1.0)) {
        throw InvalidInput("queries: row " + std::to_string(i) + ": a float64 logit may be off by " +
                           shortest(error) + " with keys of length " + shortest(longest) +
                           "; at most 1 is allowed");
      }
    }
  }

  /// Weights of row i are right within a factor 1 + this: two logits, exponentials, and sums of L' terms.
  double weight_error(std::size_t row) const {
    return exp_minus_one(2.0 * logit_errors_[row] + static_cast<double>(2 * pattern_.columns + 16) * 0x1p-53);
  }

  void take_logits(std::size_t first, std::size_t count, StripWork& work) const {
    work.queries.assign(dim_ * kStripWidth, 0.0);
    work.x.resize(pattern_.columns * kStripWidth);
    for (std::size_t u = 0; u < count; ++u) {
      for (std::size_t c = 0; c < dim_; ++c)
        work.queries[c * kStripWidth + u] = queries_[(first + u) * dim_ + c];
    }
    multiply(Product<double>{keys_.data(), static_cast<std::ptrdiff_t>(dim_), 1, pattern_.columns,
                             work.queries.data(), kStripWidth, kStripWidth, dim_},
             work.x.data(), kStripWidth);
  }

  template <class Body>
  void for_support(std::size_t row, Body body) const {
    for (auto e = pattern_.indptr[row]; e < pattern_.indptr[row + 1]; ++e) {
      const auto at = static_cast<std::size_t>(e);
      body(at, static_cast<std::size_t>(pattern_.indices[at]));
    }
  }

  /// ln((A_ij / A_il) / (M_ij / M_il)) is a difference of logits less ln M; both logits may be off.
  double ratio_error(std::size_t row, std::size_t u, const StripWork& work) const {
    if (pattern_.indptr[row + 1] - pattern_.indptr[row] == 1) return 0.0;  // no ratios
    double least = std::numeric_limits<double>::infinity(), greatest = -least;
    for_support(row, [&](std::size_t e, std::size_t j) {
      const double d = work.x[j * kStripWidth + u] - portable_log(pattern_.values[e]);
      least = std::min(least, d);
      greatest = std::max(greatest, d);
    });
    return exp_minus_one(greatest - least + 2.0 * logit_errors_[row]);
  }

  /// Weights of the support, which is then struck out: what is left is off it.
  void take_support(std::size_t row, std::size_t u, StripWork& work, PatternPrecision& found) const {
    const double error = weight_error(row);
    for_support(row, [&](std::size_t e, std::size_t j) {
      double& x = work.x[j * kStripWidth + u];
      const double weight = x / work.sum[u];
      found.least_planted = std::min(found.least_planted, weight / (1.0 + error));
      found.max_error = std::max(found.max_error, std::fabs(weight - wanted_[e]) + weight * error);
      x = 0.0;
    });
  }

  void take_rest(std::size_t first, std::size_t count, StripWork& work, PatternPrecision& found) const {
    std::fill_n(work.top, kStripWidth, 0.0);
    std::fill_n(work.rest, kStripWidth, 0.0);
    for (std::size_t j = 0; j < pattern_.columns; ++j) {
      const double* x = work.x.data() + j * kStripWidth;
      for (std::size_t u = 0; u < kStripWidth; ++u) {
        work.rest[u] += x[u];
        work.top[u] = std::max(work.top[u], x[u]);
      }
    }
    for (std::size_t u = 0; u < count; ++u) {
      const double scale = (1.0 + weight_error(first + u)) / work.sum[u];
      found.off_support = std::max(found.off_support, work.top[u] * scale);
      found.off_support_mass = std::max(found.off_support_mass, work.rest[u] * scale);
    }
    found.max_error = std::max(found.max_error, found.off_support);
  }

  const SparsePattern& pattern_;
  std::vector<double> queries_, keys_, wanted_, logit_errors_;
  std::size_t dim_ = 0;
};

/// Both are maxima (and a minimum) over rows, so any order gives the same bits.
void join(PatternPrecision& into, const PatternPrecision& from) {
  into.ratio_error = std::max(into.ratio_error, from.ratio_error);
  into.off_support = std::max(into.off_support, from.off_support);
  into.least_planted = std::min(into.least_planted, from.least_planted);
  into.off_support_mass = std::max(into.off_support_mass, from.off_support_mass);
  into.max_error = std::max(into.max_error, from.max_error);
  into.logit_error = std::max(into.logit_error, from.logit_error);
}

/// The geometric mean of both, by their roots: their product may underflow. A scan rounds logits, too.
std::optional<double> separation(const PatternPrecision& p) {
  const double apart = (1.0 + 1e-6) * portable_exp(4.0 * p.logit_error);
  if (!(p.least_planted > p.off_support * apart) || !(p.least_planted > 1e-59)) return std::nullopt;
  if (p.off_support < p.least_planted * 0x1p-20) return p.least_planted / 2.0;
  return std::sqrt(p.off_support) * std::sqrt(p.least_planted);
}

}  // namespace

PatternPrecision verify_with(const SparsePattern& pattern, const Rows& queries, const Rows& keys,
                             const Workers& workers) {
  const FloatEnvironment ieee;
  const Examination examination(pattern, queries, keys);
  std::vector<StripWork> work(static_cast<std::size_t>(workers.count));
  std::vector<PatternPrecision> found(examination.strips());
  share_tasks("verify", workers, found.size(), [&](int worker, std::size_t s) {
    found[s] = examination.strip(s, work[static_cast<std::size_t>(worker)]);
  });
  PatternPrecision whole = found[0];
  for (const PatternPrecision& part : found) join(whole, part);
  whole.separating_epsilon = separation(whole);
  return whole;
}

bool meets_with(const SparsePattern& pattern, const Rows& queries, const Rows& keys, double epsilon1,
                double epsilon2, const Workers& workers) {
  const FloatEnvironment ieee;
  const Examination examination(pattern, queries, keys);
  std::vector<StripWork> work(static_cast<std::size_t>(workers.count));
  std::atomic<bool> met{true};
  share_tasks("verify", workers, examination.strips(), [&](int worker, std::size_t s) {
    if (!met.load(std::memory_order_relaxed)) return;
    if (!examination.strip(s, work[static_cast<std::size_t>(worker)]).meets(epsilon1, epsilon2)) met = false;
  });
  return met;
}

}  // namespace heavykeys::detail

namespace heavykeys {

PatternPrecision verify(const SparsePattern& pattern, const Rows& queries, const Rows& keys) {
  return detail::verify_with(pattern, queries, keys, detail::serial_workers());
}

}  // namespace heavykeys
