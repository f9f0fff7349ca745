#include "lib/element_choice.hpp"

#include <algorithm>
#include <numeric>
#include <string>

#include "heavykeys/error.hpp"
#include "lib/counter_random.hpp"
#include "lib/float_environment.hpp"
#include "lib/stage.hpp"

namespace heavykeys {
namespace detail {

namespace {

/// Variances this close to the greatest are equal to it but for rounding.
constexpr double kTie = 1e-10;
/// Variances that are this share of the first pivot's are what rounding left of them.
constexpr double kExhausted = 1e-11;

/// Place i of `count` that are evenly spaced among `of`.
std::size_t spaced(std::size_t i, std::size_t count, std::size_t of) {
  return (2 * i + 1) * of / (2 * count);
}

std::vector<std::size_t> strided(std::size_t p, std::size_t count) {
  std::vector<std::size_t> chosen(count);
  for (std::size_t i = 0; i < count; ++i) chosen[i] = spaced(i, count, p);
  return chosen;
}

std::vector<std::size_t> random(std::size_t p, std::size_t count, std::uint64_t seed) {
  std::vector<std::uint64_t> hash(p);
  random_words(derived_seed(seed, Purpose::element_choice), 0, 0, p, hash.data());
  std::vector<std::size_t> order(p);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return hash[a] != hash[b] ? hash[a] < hash[b] : a < b; });
  order.resize(count);
  return order;
}

/// The least index of those whose variance is the greatest but for rounding. Elements taken have -1.
std::size_t greatest(const Eigen::VectorXd& variance) {
  const double top = variance.maxCoeff();
  const double* first = variance.data();
  return static_cast<std::size_t>(
      std::find_if(first, first + variance.size(), [&](double v) { return v >= top * (1 - kTie); }) - first);
}

void fill_up(std::vector<std::size_t>& order, std::size_t p, std::size_t count) {
  std::vector<bool> taken(p);
  for (const std::size_t e : order) taken[e] = true;
  std::vector<std::size_t> left;
  for (std::size_t e = 0; e < p; ++e) {
    if (!taken[e]) left.push_back(e);
  }
  const std::size_t missing = count - order.size();
  for (std::size_t i = 0; i < missing; ++i) order.push_back(left[spaced(i, missing, left.size())]);
}

/// Pivoted Cholesky of C = F^T F + D without C or its factor, which would be p x count: x = F^T z + noise,
/// z with unit variances; kept are the covariance of z given what was chosen, and what it leaves of each
/// element's variance. Choosing element e, f its column of F, g = cov(z) f, v = f.g + D_e: cov(z) loses
/// g g^T / v, element i loses (f_i.g)^2 / v.
std::vector<std::size_t> pivoted(const VarianceModel& m, std::size_t count) {
  Eigen::VectorXd left = m.variance;
  const double rounding = kExhausted * std::max(0.0, left.maxCoeff());
  Eigen::MatrixXd given = Eigen::MatrixXd::Identity(index(m.size()), index(m.size()));
  std::vector<std::size_t> order;
  Stage stage("choose_elements", count);
  while (order.size() < count) {
    stage.step();
    const std::size_t e = greatest(left);
    const Eigen::Index at = index(e);
    if (!(left[at] > rounding)) break;
    order.push_back(e);
    left[at] = -1.0;
    if (m.size() == 0)
      continue;  // elements say nothing of each other; Eigen would bind a reference to no memory
    const Eigen::VectorXd f = m.deviations.cwiseProduct(m.components.col(at));
    const Eigen::VectorXd g = given.selfadjointView<Eigen::Lower>() * f;
    const double v = f.dot(g) + m.noise[at];
    if (v > 0.0) {
      given.selfadjointView<Eigen::Lower>().rankUpdate(g, -1.0 / v);
      const Eigen::VectorXd loss = m.components.transpose() * m.deviations.cwiseProduct(g);
      for (Eigen::Index i = 0; i < left.size(); ++i) {
        if (left[i] >= 0.0) left[i] = std::max(0.0, left[i] - loss[i] * loss[i] / v);
      }
    }
  }
  if (order.size() < count) fill_up(order, m.dim(), count);
  return order;
}

}  // namespace

std::vector<std::size_t> choose(const VarianceModel& model, std::size_t count, Choice choice,
                                std::uint64_t seed) {
  if (count < 1 || count > model.dim()) {
    throw InvalidInput("computed: " + std::to_string(count) + " of " + std::to_string(model.dim()) +
                       " elements; it must be in 1 .. " + std::to_string(model.dim()));
  }
  switch (choice) {
    case Choice::pivoted:
      return pivoted(model, count);
    case Choice::random:
      return random(model.dim(), count, seed);
    case Choice::strided:
      return strided(model.dim(), count);
  }
  throw InvalidInput("choice " + std::to_string(static_cast<std::uint32_t>(choice)) +
                     ": there are pivoted, random and strided");
}

}  // namespace detail

std::vector<std::size_t> choose_elements(const PrincipalComponents& components, std::size_t count,
                                         Choice choice, std::uint64_t seed) {
  const detail::FloatEnvironment ieee;
  return detail::choose(detail::VarianceModel(components, components.size()), count, choice, seed);
}

}  // namespace heavykeys
