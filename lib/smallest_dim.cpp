// The search for the smallest dimension that meets the precision.
#include <algorithm>
#include <memory>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/float_environment.hpp"
#include "lib/interpolating_plant.hpp"
#include "lib/pattern_precision.hpp"
#include "lib/plant_options.hpp"
#include "lib/stage.hpp"
#include "lib/svd_plant.hpp"

namespace heavykeys::detail {

namespace {

class Search {
 public:
  Search(const SparsePattern& pattern, const PlantOptions& options, std::size_t trials,
         const Workers& workers)
      : pattern_(pattern), trials_(trials), workers_(workers) {
    if (trials == 0) throw InvalidInput("trials is 0; a dimension must be tried at least once");
    const PatternShape shape = shape_of(pattern);
    found_.bound = planted_dim(shape, options);
    options_ = resolved(shape, options);
    least_ = 1;
    most_ = std::min(shape.rows, shape.columns);  // svd: exact there
    if (options_.construction == Construction::svd) {
      factors_ = std::make_unique<LogitFactors>(factorised(pattern, options_.logit));
    } else {
      least_ = shape.row_nonzeros;
      most_ = std::max<std::size_t>(found_.bound.bound, least_) * 8;  // a failure there is of probability ~0
    }
  }

  SmallestDim run() {
    Stage stage("smallest_dim", 0);  // nobody knows how many it takes
    std::size_t enough = least_, missing = least_ - 1;
    while (!met(enough)) {
      if (enough >= most_) {
        throw InvalidInput("no dimension up to " + std::to_string(enough) +
                           " meets epsilon1 and epsilon2 in " + std::to_string(trials_) + " trials");
      }
      missing = enough;
      enough = std::min(2 * enough, most_);
    }
    while (enough - missing > 1) {
      const std::size_t middle = missing + (enough - missing) / 2;
      (met(middle) ? enough : missing) = middle;
    }
    found_.dim = enough;
    return std::move(found_);
  }

 private:
  bool met(std::size_t dim) {
    bool all = true;
    for (std::size_t t = 0; t < trials_ && all; ++t) all = met(dim, options_.seed + t);
    found_.tries.push_back({dim, all});
    return all;
  }

  bool met(std::size_t dim, std::uint64_t seed) {
    check_planted_size(pattern_.rows, pattern_.columns, dim);
    Planted planted;
    planted.options = options_;
    planted.options.dim = dim;
    planted.options.seed = seed;
    try {
      if (factors_) {
        plant_by_svd(*factors_, planted);
      } else {
        plant_by_interpolation(pattern_, planted);
      }
      return meets_with(pattern_, rows(planted.queries.data(), pattern_.rows, dim),
                        rows(planted.keys.data(), pattern_.columns, dim), options_.epsilon1,
                        options_.epsilon2, workers_);
    } catch (const InvalidInput&) {
      rethrow_if_cancelled();  // a report's own
      // Keys of a row dependent up to rounding, or logits that cannot be told
      return false;
    }
  }

  const SparsePattern& pattern_;
  std::size_t trials_;
  const Workers& workers_;
  PlantOptions options_;
  std::unique_ptr<LogitFactors> factors_;
  std::size_t least_ = 1, most_ = 1;
  SmallestDim found_;
};

}  // namespace

SmallestDim smallest_dim_with(const SparsePattern& pattern, const PlantOptions& options, std::size_t trials,
                              const Workers& workers) {
  const FloatEnvironment ieee;
  return Search(pattern, options, trials, workers).run();
}

}  // namespace heavykeys::detail

namespace heavykeys {

SmallestDim smallest_dim(const SparsePattern& pattern, const PlantOptions& options, std::size_t trials) {
  return detail::smallest_dim_with(pattern, options, trials, detail::serial_workers());
}

}  // namespace heavykeys
