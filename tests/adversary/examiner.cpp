#include "tests/adversary/examiner.hpp"

#include <algorithm>
#include <cmath>

namespace adversary {
namespace {

constexpr std::size_t kSample = 24;    // queries kept for the check of intervals
constexpr std::size_t kSuspects = 64;  // enough to report

}  // namespace

Finding Examiner::finding(const std::vector<double>& q, const Peak& peak, const char* how) const {
  std::vector<double> scaled = q;
  for (double& v : scaled) v *= peak.scale;
  return {peak, instance_.original(scaled), how};
}

// The products of q are in x_.
Peak Examiner::weigh(const std::vector<double>& q, double scale, const char* how) {
  const std::size_t n = instance_.n, outside = instance_.outside;
  f_.resize(n);
  instance_.shape.apply(x_.data(), scale, n, f_.data());
  double parts[4] = {0, 0, 0, 0};
  for (std::size_t j = 0; j < n; ++j) parts[j % 4] += f_[j];
  const double total = parts[0] + parts[1] + parts[2] + parts[3];
  const auto at = std::max_element(f_.begin(), f_.begin() + static_cast<std::ptrdiff_t>(outside));
  pairs_ += outside;
  queries_ += 1;
  Peak peak{0, scale, static_cast<std::size_t>(at - f_.begin())};
  if (!(total > 0) || !std::isfinite(total)) return peak;
  peak.ratio = *at / total / instance_.epsilon;
  if (peak.ratio > best_.peak.ratio) best_ = finding(q, peak, how);
  if (peak.ratio >= 1 - 1e-9 && suspects_.size() < kSuspects) suspects_.push_back(finding(q, peak, how));
  if (sample_.size() < kSample) {
    sample_.push_back(finding(q, peak, how).query);
  } else if (const std::size_t slot = random_.below(queries_); slot < kSample) {
    sample_[slot] = finding(q, peak, how).query;
  }
  return peak;
}

Peak Examiner::once(const std::vector<double>& q, const char* how) {
  x_.resize(instance_.n);
  products(instance_.columns.data(), q.data(), instance_.n, instance_.d, x_.data());
  return weigh(q, 1.0, how);
}

Peak Examiner::ray(const std::vector<double>& q, const char* how) {
  Peak best = once(q, how);
  if (instance_.shape.homogeneous) return best;
  std::vector<double> sizes(std::min<std::size_t>(instance_.n, 101));
  for (double& s : sizes) s = std::fabs(x_[random_.below(instance_.n)]);
  const auto middle = sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() / 2);
  std::nth_element(sizes.begin(), middle, sizes.end());
  const double median = *middle > 0 ? *middle : *std::max_element(sizes.begin(), sizes.end());
  if (!(median > 0)) return best;
  const auto attempt = [&](double scale) {
    const Peak peak = weigh(q, scale, how);
    if (peak.ratio > best.ratio) best = peak;
  };
  const double jitter = std::pow(10.0, random_.uniform() - 0.5);
  for (int decade = -6; decade <= 6; ++decade) attempt(jitter * std::pow(10.0, decade) / median);
  for (double step : {2.0, 1.4, 1.15}) {
    const double from = best.scale;
    attempt(from * step);
    attempt(from / step);
  }
  return best;
}

std::vector<std::vector<double>> Examiner::sample() const {
  std::vector<std::vector<double>> all = sample_;
  if (!best_.query.empty()) all.push_back(best_.query);
  return all;
}

}  // namespace adversary
