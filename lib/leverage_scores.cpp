#include <algorithm>
#include <cmath>
#include <numeric>

#include "heavykeys/leverage.hpp"
#include "heavykeys/projection.hpp"
#include "lib/float_environment.hpp"
#include "lib/kernels.hpp"
#include "lib/key_geometry.hpp"
#include "lib/stage.hpp"

namespace heavykeys {

namespace {

using detail::KeyGeometry;
using detail::padded;

constexpr std::size_t kPanel = 256;
/// Of the distortion, what is kept for rounding; the rest is the projection's.
constexpr double kRounding = 0x1p-10;

std::vector<double> all_leverages(const KeyGeometry& geometry) {
  std::vector<std::size_t> all(geometry.count());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return geometry.leverages(all);
}

/// P L^-1, transposed: [rank, padded(r)].
struct ProjectedFactor {
  detail::AlignedVector<double> keys;
  double slope = 0.0;  // || computed - true P L^-1 x || <= slope || x ||

  ProjectedFactor(const KeyGeometry& geometry, const Projection& p) {
    const std::size_t d = geometry.rank(), ld = padded(p.rows);
    std::vector<double> factor(d * d), identity(d * d, 0.0);
    for (std::size_t i = 0; i < d; ++i) {
      std::copy_n(geometry.whitening().data() + i * padded(d), d, factor.data() + i * d);
      identity[i * d + i] = 1.0;
    }
    double squares = 0.0;
    for (double v : apply(p, rows(identity.data(), d, d))) squares += v * v;
    const std::vector<double> image = apply(p, rows(factor.data(), d, d));
    keys.assign(d * ld, 0.0);
    for (std::size_t i = 0; i < d; ++i) std::copy_n(image.data() + i * p.rows, p.rows, keys.data() + i * ld);
    // ||P||_F times what L^-1 x itself may be off, and two more dot products of d terms.
    const double more = (2.0 * static_cast<double>(d) + 8.0) * 0x1p-53 * geometry.norm();
    slope = std::sqrt(squares) * (geometry.slope() + more) * (1.0 + 1e-8);
  }
};

}  // namespace

std::vector<double> leverage_scores(const Rows& keys, int grid_bits) {
  const detail::FloatEnvironment ieee;
  detail::Stage stage("leverage_scores", 2);
  const KeyGeometry geometry(keys, grid_bits);
  stage.step();
  return all_leverages(geometry);
}

std::vector<double> approximate_leverage_scores(const Rows& keys, double distortion, double failure,
                                                std::uint64_t seed, int grid_bits) {
  const detail::FloatEnvironment ieee;
  detail::Stage stage("leverage_scores", 1);
  const double n = static_cast<double>(std::max<std::size_t>(keys.count, 1));
  rows_needed(Projection::Kind::gaussian, distortion, failure);  // refuses what is out of range
  const std::size_t r = rows_needed(Projection::Kind::gaussian, distortion * (1.0 - kRounding), failure / n);
  const KeyGeometry geometry(keys, grid_bits);
  const std::size_t d = geometry.rank();
  if (r >= d || !geometry.has_coordinates()) return all_leverages(geometry);

  const ProjectedFactor factor(geometry, Projection::gaussian(r, d, seed));
  std::vector<double> tau(geometry.count(), 0.0), panel(kPanel * d), lengths(kPanel);
  detail::AlignedVector<double> image(kPanel * padded(r));
  std::vector<std::size_t> open;  // rows whose rounding could matter: they get their exact scores
  for (std::size_t first = 0; first < tau.size(); first += kPanel) {
    const std::size_t count = std::min(kPanel, tau.size() - first);
    for (std::size_t i = 0; i < count; ++i) lengths[i] = geometry.gather(first + i, panel.data() + i * d);
    detail::dot_products(panel.data(), count, d, factor.keys.data(), padded(r), image.data());
    for (std::size_t i = 0; i < count; ++i) {
      const double* y = image.data() + i * padded(r);
      const double value = std::inner_product(y, y + r, y, 0.0);
      tau[first + i] = std::min(value, 1.0);
      const double relative =
          2.0 * (factor.slope * lengths[i] / std::sqrt(value) + geometry.theta() + 0x1p-40);
      if (!(value > 0x1p-900 && relative <= 0.25 * kRounding * distortion)) open.push_back(first + i);
    }
  }
  const std::vector<double> exact = geometry.leverages(open);
  for (std::size_t i = 0; i < open.size(); ++i) tau[open[i]] = exact[i];
  return tau;
}

}  // namespace heavykeys
