#include "lib/components_check.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/text.hpp"

namespace heavykeys::detail {

namespace {

void require_length(const char* name, std::size_t has, std::size_t needs) {
  if (has == needs) return;
  throw InvalidInput(std::string("components: ") + name + " has " + std::to_string(has) + " numbers; " +
                     std::to_string(needs) + " are needed");
}

void require_finite(const char* name, const std::vector<double>& values, double least) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i]) && values[i] >= least) continue;
    throw InvalidInput(std::string("components: ") + name + "[" + std::to_string(i) + "] is " +
                       shortest(values[i]));
  }
}

}  // namespace

void check(const PrincipalComponents& c) {
  if (c.dim == 0) throw InvalidInput("components: of samples without elements");
  require_length("mean", c.mean.size(), c.dim);
  require_length("element_variances", c.element_variances.size(), c.dim);
  if (c.size() > c.dim) {
    throw InvalidInput("components: " + std::to_string(c.size()) + " of samples with " +
                       std::to_string(c.dim) + " elements");
  }
  require_length("components", c.components.size(), c.size() * c.dim);
  constexpr double lowest = -std::numeric_limits<double>::max();
  require_finite("mean", c.mean, lowest);
  require_finite("element_variances", c.element_variances, 0.0);
  require_finite("variances", c.variances, 0.0);
  require_finite("components", c.components, lowest);
  if (!std::is_sorted(c.variances.rbegin(), c.variances.rend())) {
    throw InvalidInput("components: variances are not descending");
  }
  if (!(std::isfinite(c.total_variance) && c.total_variance >= 0.0)) {
    throw InvalidInput("components: total_variance is " + shortest(c.total_variance));
  }
}

}  // namespace heavykeys::detail
