#include "lib/plant_options.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/portable_math.hpp"
#include "lib/text.hpp"

namespace heavykeys::detail {

namespace {

void require(bool condition, const std::string& name, double value, const std::string& range) {
  if (!condition) throw InvalidInput(name + " is " + shortest(value) + "; it must lie in " + range);
}

double default_logit(const PatternShape& shape, const PlantOptions& options, double gap) {
  const double half_spread = portable_log(shape.ratio) / 2.0;
  // The projection's error is measured against the lengths, which grow with T: no more than is needed, but
  // where no ratio has to be kept, so that only the distance T - gap counts.
  if (options.construction == Construction::svd && shape.row_nonzeros > 1)
    return std::max(gap + portable_log(1.0 + options.epsilon1), half_spread);
  return std::max(4.0 * gap, half_spread);
}

}  // namespace

double off_support_gap(const PlantOptions& resolved) { return -portable_log(resolved.epsilon2); }

PlantOptions resolved(const PatternShape& shape, const PlantOptions& options) {
  PlantOptions out = options;
  require(options.epsilon1 > 0.0 && options.epsilon1 <= 1e6, "epsilon1", options.epsilon1, "(0, 1e6]");
  require(options.failure > 0.0 && options.failure < 1.0, "failure", options.failure, "(0, 1)");
  if (options.epsilon2 == 0.0) out.epsilon2 = 1.0 / (100.0 * static_cast<double>(shape.columns));
  require(out.epsilon2 >= 1e-300 && out.epsilon2 < 1.0, "epsilon2", out.epsilon2, "[1e-300, 1)");
  const double gap = off_support_gap(out);
  if (options.logit == 0.0) out.logit = default_logit(shape, out, gap);
  if (!(out.logit > gap) || !(out.logit <= 1e6)) {
    throw InvalidInput("logit is " + shortest(out.logit) +
                       "; it must lie in (ln(1 / epsilon2) = " + shortest(gap) + ", 1e6]");
  }
  return out;
}

void check_planted_size(std::size_t rows, std::size_t columns, std::size_t dim) {
  const std::size_t vectors = std::max(rows, columns);
  if (dim > kMostPlantedDim || dim > kMostPlantedElements / vectors) {
    throw InvalidInput("dim is " + std::to_string(dim) + " for " + std::to_string(vectors) +
                       " rows; at most 2^14, and 2^28 elements, can be planted");
  }
}

void logits_of_row(const SparsePattern& pattern, std::size_t i, double logit, std::vector<double>& out) {
  const auto begin = pattern.values.begin() + pattern.indptr[i];
  const auto end = pattern.values.begin() + pattern.indptr[i + 1];
  const double top = *std::max_element(begin, end);
  out.clear();
  for (auto value = begin; value != end; ++value) out.push_back(logit - portable_log(top / *value));
}

}  // namespace heavykeys::detail
