#include "bench/pairs.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <stdexcept>

namespace heavykeys::bench {
namespace {

double quadratic_form(const std::vector<double>& gram, const float* q, std::size_t d) {
  double sum = 0;
  for (std::size_t i = 0; i < d * d; ++i)
    sum += gram[i] * static_cast<double>(q[i / d]) * static_cast<double>(q[i % d]);
  return sum;
}

}  // namespace

std::vector<float> normalised(const std::vector<float>& queries, const std::vector<double>& gram,
                              std::size_t d) {
  std::vector<float> result(queries.size());
  for (std::size_t q = 0; q < queries.size(); q += d) {
    const double scale = 1.0 / std::sqrt(quadratic_form(gram, queries.data() + q, d));
    for (std::size_t c = 0; c < d; ++c)
      result[q + c] = static_cast<float>(scale * static_cast<double>(queries[q + c]));
  }
  return result;
}

Pairs pairs_of(const HeavyEntries& entries, std::size_t n) {
  Pairs pairs;
  for (std::size_t q = 0; q < entries.query_count(); ++q) {
    for (std::int64_t i = entries.indptr[q]; i < entries.indptr[q + 1]; ++i) {
      pairs.push_back(q * n + entries.keys[static_cast<std::size_t>(i)].row);
    }
  }
  return pairs;
}

std::size_t near_ties(const Search& search, std::size_t query_limit, const Pairs& expected,
                      const Pairs& found, const std::string& who) {
  constexpr double slack = 1e-4;  // float32 products of up to a few thousand columns
  Pairs differing;
  std::set_symmetric_difference(expected.begin(), expected.end(), found.begin(), found.end(),
                                std::back_inserter(differing));
  std::size_t ties = 0;
  for (const std::uint64_t pair : differing) {
    const std::size_t query = pair / search.n;
    if (query >= query_limit) continue;
    const float* q = search.queries + query * search.dim;
    const float* k = search.keys + pair % search.n * search.dim;
    double product = 0;
    for (std::size_t c = 0; c < search.dim; ++c)
      product += static_cast<double>(q[c]) * static_cast<double>(k[c]);
    const double epsilon = static_cast<double>(search.radius) * static_cast<double>(search.radius);
    if (std::abs(product * product / epsilon - 1) > slack) {
      throw std::runtime_error("check failed: " + who + " and sgemm disagree on query " +
                               std::to_string(query) + ", key " + std::to_string(pair % search.n) +
                               ", weight " + std::to_string(product * product));
    }
    ++ties;
  }
  return ties;
}

}  // namespace heavykeys::bench
