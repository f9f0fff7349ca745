#include "tests/adversary/instance.hpp"

#include <algorithm>
#include <cmath>

namespace adversary {

std::vector<double> Instance::original(const std::vector<double>& q) const {
  std::vector<double> out(d);
  for (std::size_t c = 0; c < d; ++c) out[c] = std::ldexp(q[c], -column_exponents[c]);
  return out;
}

Instance make_instance(const Shape& shape, double epsilon, const std::vector<double>& gridded, std::size_t d,
                       const std::vector<std::size_t>& members) {
  Instance made{shape, epsilon, gridded.size() / d, d, gridded, {}, 0, std::vector<int>(d, 0), {}, {}};
  std::vector<bool> inside(made.n, false);
  for (std::size_t j : members) inside[j] = true;
  for (std::size_t j = 0; j < made.n; ++j) {
    if (!inside[j]) made.order.push_back(j);
  }
  made.outside = made.order.size();
  made.order.insert(made.order.end(), members.begin(), members.end());
  for (std::size_t c = 0; c < d; ++c) {
    double most = 0;
    for (std::size_t j = 0; j < made.n; ++j) most = std::max(most, std::fabs(gridded[j * d + c]));
    if (most > 0) made.column_exponents[c] = std::ilogb(most);
  }
  made.rows.resize(gridded.size());
  made.columns.resize(gridded.size());
  for (std::size_t i = 0; i < made.n; ++i) {
    for (std::size_t c = 0; c < d; ++c) {
      const double v = std::ldexp(gridded[made.order[i] * d + c], -made.column_exponents[c]);
      made.rows[i * d + c] = made.columns[c * made.n + i] = v;
    }
  }
  return made;
}

}  // namespace adversary
