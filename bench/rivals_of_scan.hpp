// Softmax attention and its heavy entries as one would find them without heavykeys: blocks of products by
// OpenBLAS, the exponentials and running sums of FlashAttention on them, and a list of what is large.
#pragma once

#include <cstddef>

#include "bench/pairs.hpp"

namespace heavykeys::bench {

struct SoftmaxSearch {
  const float* keys = nullptr;  ///< [n, d], contiguous
  std::size_t n = 0;
  const float* queries = nullptr;  ///< [m, d]
  std::size_t m = 0;
  std::size_t dim = 0;
  double scale = 1.0;
  double epsilon = 0.01;
  int threads = 1;
};

struct SoftmaxEntries {
  Pairs pairs;                  ///< query * n + key
  std::vector<double> weights;  ///< of the pairs
};

/// In float32 throughout: no bounds, and the sums of float32.
SoftmaxEntries softmax_by_sgemm(const SoftmaxSearch& search);

/// In float64: as accurate as one is without bounds.
SoftmaxEntries softmax_by_dgemm(const SoftmaxSearch& search);

}  // namespace heavykeys::bench
