#include <algorithm>
#include <string>

#include "heavykeys/error.hpp"
#include "heavykeys/sparse_pattern.hpp"
#include "lib/float_environment.hpp"
#include "lib/interpolating_plant.hpp"
#include "lib/plant_options.hpp"
#include "lib/svd_plant.hpp"

namespace heavykeys {

namespace {

std::vector<double> selection(std::size_t dim, std::size_t first) {
  if (dim > detail::kMostPlantedDim)
    throw InvalidInput("dim is " + std::to_string(dim) + "; projections are made up to 2^14");
  std::vector<double> w(2 * dim * dim, 0.0);
  for (std::size_t c = 0; c < dim; ++c) w[(first + c) * dim + c] = 1.0;
  return w;
}

}  // namespace

Planted plant(const SparsePattern& pattern, const PlantOptions& options) {
  const detail::FloatEnvironment ieee;
  const PatternShape shape = shape_of(pattern);
  Planted planted;
  planted.bound = planted_dim(shape, options);
  planted.options = detail::resolved(shape, options);
  planted.rows = pattern.rows;
  planted.columns = pattern.columns;
  if (options.dim == 0) planted.options.dim = planted.bound.dim;
  detail::check_planted_size(pattern.rows, pattern.columns, planted.options.dim);
  if (options.construction == Construction::interpolating) {
    detail::plant_by_interpolation(pattern, planted);
  } else {
    detail::plant_by_svd(detail::factorised(pattern, planted.options.logit), planted);
  }
  return planted;
}

std::vector<double> planted_inputs(const Planted& planted) {
  const std::size_t r = planted.options.dim;
  std::vector<double> x(std::max(planted.rows, planted.columns) * 2 * r, 0.0);
  for (std::size_t i = 0; i < planted.rows; ++i)
    std::copy_n(planted.queries.data() + i * r, r, x.data() + 2 * i * r);
  for (std::size_t j = 0; j < planted.columns; ++j)
    std::copy_n(planted.keys.data() + j * r, r, x.data() + 2 * j * r + r);
  return x;
}

std::vector<double> query_projection(std::size_t dim) { return selection(dim, 0); }
std::vector<double> key_projection(std::size_t dim) { return selection(dim, dim); }

}  // namespace heavykeys
