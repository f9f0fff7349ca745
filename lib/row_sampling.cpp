#include "heavykeys/row_sampling.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/counter_random.hpp"
#include "lib/float_environment.hpp"
#include "lib/portable_math.hpp"
#include "lib/read_rows.hpp"
#include "lib/text.hpp"

namespace heavykeys {

namespace {

/// Leverages have relative errors of 1e-10 and c some roundings; this makes p_j >= min(1, c tau_j) all the
/// same.
constexpr double kMargin = 1.0 + 1e-9;

double checked_sum(const Rows& keys, std::span<const double> leverage) {
  if (leverage.size() != keys.count) {
    throw InvalidInput(std::to_string(leverage.size()) + " leverages for " + std::to_string(keys.count) +
                       " rows");
  }
  double sum = 0.0;
  for (std::size_t j = 0; j < leverage.size(); ++j) {
    if (!(leverage[j] >= 0.0) || std::isinf(leverage[j]))
      throw InvalidInput("the leverage of row " + std::to_string(keys.first_id + j) + " is " +
                         detail::shortest(leverage[j]));
    sum += leverage[j];
  }
  return sum;
}

RowSampling draw(const Rows& keys, std::span<const double> leverage, double c, std::uint64_t seed) {
  const std::uint64_t key = detail::derived_seed(seed, detail::Purpose::leverage_sample);
  RowSampling out;
  for (std::size_t j = 0; j < keys.count; ++j) {
    const KeyId id{keys.stream, keys.first_id + j};
    const double p = std::min(1.0, c * kMargin * leverage[j]);
    // A row of leverage 0 is zero, and never drawn: the uniform number is at least 0.
    if (!(detail::unit_interval(detail::random_bits(key, id.stream, id.row).low) < p)) continue;
    out.ids.push_back(id);
    out.scales.push_back(1.0 / std::sqrt(p));
  }
  return out;
}

}  // namespace

double oversampling_needed(std::size_t rank, double distortion, double failure) {
  const detail::FloatEnvironment ieee;
  if (!(distortion > 0.0 && distortion < 1.0))
    throw InvalidInput("distortion is " + detail::shortest(distortion) + "; it must lie in (0, 1)");
  if (!(failure > 0.0 && failure < 1.0))
    throw InvalidInput("failure is " + detail::shortest(failure) + "; it must lie in (0, 1)");
  double rate = (1.0 + distortion) * detail::portable_log(1.0 + distortion) - distortion;
  // The beginning of its series, from below, where the difference would cancel.
  if (distortion < 0x1p-10) rate = distortion * distortion * (0.5 - distortion / 6.0);
  return detail::portable_log(2.0 * static_cast<double>(std::max<std::size_t>(rank, 1)) / failure) / rate;
}

RowSampling sample_by_leverage(const Rows& keys, std::span<const double> leverage, double distortion,
                               double failure, std::uint64_t seed) {
  const detail::FloatEnvironment ieee;
  const double sum = checked_sum(keys, leverage);
  const double rank =
      std::min({std::ceil(sum * kMargin), static_cast<double>(keys.dim), static_cast<double>(keys.count)});
  return draw(keys, leverage, oversampling_needed(static_cast<std::size_t>(rank), distortion, failure), seed);
}

RowSampling sample_by_leverage(const Rows& keys, std::span<const double> leverage, std::size_t sample_size,
                               std::uint64_t seed) {
  const detail::FloatEnvironment ieee;
  const double sum = checked_sum(keys, leverage);
  const double c = sum > 0.0 ? static_cast<double>(sample_size) / (sum * kMargin * kMargin) : 0.0;
  return draw(keys, leverage, c, seed);
}

std::vector<double> apply(const RowSampling& sampling, const Rows& keys) {
  if (sampling.ids.size() != sampling.scales.size()) {
    throw InvalidInput(std::to_string(sampling.ids.size()) + " sampled rows, but " +
                       std::to_string(sampling.scales.size()) + " scales");
  }
  std::vector<double> out(sampling.ids.size() * keys.dim);
  for (std::size_t i = 0; i < sampling.ids.size(); ++i) {
    const KeyId id = sampling.ids[i];
    if (id.stream != keys.stream || id.row < keys.first_id || id.row - keys.first_id >= keys.count) {
      throw InvalidInput("row " + std::to_string(id.row) + " of stream " + std::to_string(id.stream) +
                         " was sampled, but is not among these keys");
    }
    double* row = out.data() + i * keys.dim;
    detail::read_row(keys, static_cast<std::size_t>(id.row - keys.first_id), row);
    for (std::size_t c = 0; c < keys.dim; ++c) row[c] *= sampling.scales[i];
  }
  return out;
}

}  // namespace heavykeys
