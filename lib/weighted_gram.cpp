#include "lib/weighted_gram.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "lib/kernels.hpp"
#include "lib/lewis.hpp"
#include "lib/scaled_gram.hpp"

namespace heavykeys::detail {

std::vector<int> WeightedGram::arrival_weights(BlockGram& block, const Metric* known, const Metric& own) {
  const std::size_t d = plan_.spec.dim, n = block.rows();
  // Units of everything seen, so that the numbers are near one.
  ExactGram seen = *own.plain;  // has this block already
  if (known != nullptr) seen.add(*known->plain);
  const std::vector<int> scale = equilibration(seen);
  std::vector<double> metric(d * d, 0.0);
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = i; j < d; ++j) {
      double sum = nearest_entry(own.gram, scale, i, j);
      if (known != nullptr) sum += nearest_entry(known->gram, scale, i, j);
      metric[i * d + j] = metric[j * d + i] = sum;
    }
  }
  std::vector<double> unit(d), rows(n * d);
  for (std::size_t i = 0; i < d; ++i) {
    const int e = block.exponents()[i];
    unit[i] = e == kZeroColumn ? 0.0 : std::ldexp(1.0, std::max(e - plan_.spec.grid_bits - scale[i], -1000));
  }
  for (std::size_t first = 0; first < n; first += BlockGram::kPanelRows) {
    const std::size_t count = std::min(BlockGram::kPanelRows, n - first);
    const std::int32_t* q = block.panel(first, count);
    for (std::size_t r = 0; r < count; ++r) {
      for (std::size_t i = 0; i < d; ++i) rows[(first + r) * d + i] = q[r * block.width() + i] * unit[i];
    }
  }
  return arrival_exponents(rows.data(), n, d, metric, plan_.spec.score.parameter);
}

void WeightedGram::add(BlockGram& block, const Metric* known, Metric& own) {
  own.plain->add_block(block.exponents(), block.sums(), block.width(), block.rows());
  const std::vector<int> arrival = arrival_weights(block, known, own);
  std::map<int, std::vector<std::size_t>> groups;
  for (std::size_t r = 0; r < arrival.size(); ++r) groups[arrival[r]].push_back(r);
  const std::size_t width = block.width();
  sums_.resize(width * width);
  for (const auto& [a, members] : groups) {
    group_.resize(members.size() * width);
    const std::int32_t* q = nullptr;
    std::size_t end = 0;  // rows the panel holds end here
    for (std::size_t m = 0; m < members.size(); ++m) {
      const std::size_t begin = members[m] / BlockGram::kPanelRows * BlockGram::kPanelRows;
      if (members[m] >= end) {
        end = std::min(begin + BlockGram::kPanelRows, block.rows());
        q = block.panel(begin, end - begin);
      }
      std::copy_n(q + (members[m] - begin) * width, width,
                  group_.begin() + static_cast<std::ptrdiff_t>(m * width));
    }
    std::fill(sums_.begin(), sums_.end(), 0);
    gram_by_float64(group_.data(), members.size(), width, plan_.spec.grid_bits, sums_.data());
    std::vector<int> exponents = block.exponents();
    for (int& e : exponents) {
      if (e != kZeroColumn) e += a;
    }
    own.gram.add_block(exponents, sums_.data(), width, members.size());
    own.weights[a] += members.size();
  }
}

}  // namespace heavykeys::detail
