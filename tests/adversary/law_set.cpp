#include "tests/adversary/law_set.hpp"

#include "tests/adversary/dense.hpp"

namespace adversary {
namespace {

void monomials(const double* key, std::size_t d, std::size_t first, int degree, double so_far,
               std::vector<double>& out) {
  if (degree == 0) {
    out.push_back(so_far);
    return;
  }
  for (std::size_t c = first; c < d; ++c) monomials(key, d, c, degree - 1, so_far * key[c], out);
}

}  // namespace

std::vector<std::size_t> law_set(const scores::Case& law, const std::vector<double>& gridded, std::size_t d,
                                 double epsilon, bool sharp) {
  const std::size_t n = gridded.size() / d;
  std::vector<double> lifted;
  for (std::size_t j = 0; j < n; ++j) {
    for (int degree : law.degrees) monomials(gridded.data() + j * d, d, 0, degree, 1.0, lifted);
  }
  const std::size_t dim = lifted.size() / n;
  std::vector<double> left(n, 1.0);  // 1: not taken yet
  bool took = true;
  const int layers = law.law == scores::Law::onion ? static_cast<int>(1 / epsilon) : 1;
  Factor factor(weighted_gram(lifted.data(), nullptr, n, dim), dim);
  for (int t = 1; t <= layers; ++t) {
    const auto least = law.law == scores::Law::onion
                           ? epsilon / (2 - epsilon)
                           : static_cast<double>(scores::least_leverage(law, epsilon));
    const double threshold =
        sharp && law.law == scores::Law::onion ? epsilon / (1 - (t - 1) * epsilon) : least;
    if (took && t > 1) factor = Factor(weighted_gram(lifted.data(), left.data(), n, dim), dim);
    if (took && factor.least_pivot() < 1e-8)
      throw IllConditioned("lifted keys too ill-conditioned for float64");
    took = false;
    for (std::size_t j = 0; j < n; ++j) {
      if (left[j] == 0 || factor.quadratic(lifted.data() + j * dim) < threshold * (1 - 1e-9)) continue;
      left[j] = 0;
      took = true;
    }
    if (!took && !sharp) break;
  }
  std::vector<std::size_t> members;
  for (std::size_t j = 0; j < n; ++j) {
    if (left[j] == 0) members.push_back(j);
  }
  return members;
}

}  // namespace adversary
