#include "lib/lift.hpp"

#include <algorithm>
#include <utility>

namespace heavykeys::detail {

Lift::Lift(std::size_t dim, std::vector<int> degrees) : dim_(dim), degrees_(std::move(degrees)) {
  struct Shape {     // of a monomial
    double weight;   // s! / alpha!
    int last_power;  // exponent of its last variable
  };
  levels_.resize(static_cast<std::size_t>(top_degree()) + 1);
  levels_[0] = {{0, 0}};
  std::vector<Shape> shapes{{1.0, 0}};
  const auto write = [&](int degree) {
    for (const Shape& shape : shapes) {
      degree_.push_back(degree);
      multiplicity_.push_back(shape.weight);
    }
  };
  std::size_t next = 0;
  if (degrees_[0] == 0) {
    write(0);
    next = 1;
  }
  for (int degree = 1; degree <= top_degree(); ++degree) {
    const std::vector<Step>& below = levels_[static_cast<std::size_t>(degree) - 1];
    std::vector<Step>& level = levels_[static_cast<std::size_t>(degree)];
    std::vector<Shape> grown;
    for (std::size_t parent = 0; parent < below.size(); ++parent) {
      const std::size_t last = degree == 1 ? 0 : below[parent].variable;
      for (std::size_t v = last; v < dim; ++v) {
        const int power = degree > 1 && v == last ? shapes[parent].last_power + 1 : 1;
        level.push_back({static_cast<std::uint32_t>(parent), static_cast<std::uint32_t>(v)});
        grown.push_back({shapes[parent].weight * degree / power, power});
      }
    }
    shapes = std::move(grown);
    if (next < degrees_.size() && degrees_[next] == degree) {
      write(degree);
      ++next;
    }
  }
}

std::size_t Lift::top_power(std::size_t variable) const {
  const std::size_t first = size() - levels_.back().size();
  std::size_t at = variable;  // x_v among the monomials of degree 1
  for (int degree = 2; degree <= top_degree(); ++degree) {
    const std::vector<Step>& level = levels_[static_cast<std::size_t>(degree)];
    const auto found = std::find_if(level.begin(), level.end(), [&](const Step& step) {
      return step.parent == at && step.variable == variable;
    });
    at = static_cast<std::size_t>(found - level.begin());
  }
  return first + at;
}

template <class T>
void Lift::products(const T* x, T* out) const {
  fold(x, T(1), out, [](const T& a, const T& b) { return a * b; });
}

void Lift::sums(const int* x, int* out) const {
  fold(x, 0, out, [](int a, int b) { return a + b; });
}

void Lift::pull_back(const double* x, const double* adjoint, double* out) const {
  std::vector<std::vector<double>> value(levels_.size()), by(levels_.size());
  value[0] = {1.0};
  for (std::size_t degree = 1; degree < levels_.size(); ++degree) {
    for (const Step& step : levels_[degree])
      value[degree].push_back(value[degree - 1][step.parent] * x[step.variable]);
  }
  for (std::size_t degree = 0; degree < levels_.size(); ++degree)
    by[degree].assign(levels_[degree].size(), 0.0);
  for (const int degree : degrees_) {
    std::vector<double>& level = by[static_cast<std::size_t>(degree)];
    std::copy_n(adjoint, level.size(), level.begin());
    adjoint += level.size();
  }
  std::fill_n(out, dim_, 0.0);
  for (std::size_t degree = levels_.size(); --degree > 0;) {
    for (std::size_t i = 0; i < levels_[degree].size(); ++i) {
      const Step& step = levels_[degree][i];
      by[degree - 1][step.parent] += by[degree][i] * x[step.variable];
      out[step.variable] += by[degree][i] * value[degree - 1][step.parent];
    }
  }
}

template void Lift::products(const double*, double*) const;
template void Lift::products(const DoubleDouble*, DoubleDouble*) const;
template void Lift::products(const Int128*, Int128*) const;

}  // namespace heavykeys::detail
