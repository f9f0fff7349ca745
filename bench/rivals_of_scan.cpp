// Compiled with -ffast-math (bench/CMakeLists.txt): GCC then takes exp from glibc's vector library.
#include "bench/rivals_of_scan.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "bench/machine.hpp"

namespace heavykeys::bench {
namespace {

constexpr std::size_t kTileQueries = 128, kTileKeys = 512;  // the products stay in L2

void gemm(std::size_t m, std::size_t n, std::size_t d, const float* a, const float* b, float* c) {
  const auto width = static_cast<blasint>(d);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<blasint>(m), static_cast<blasint>(n),
              width, 1.0f, a, width, b, width, 0.0f, c, static_cast<blasint>(n));
}
void gemm(std::size_t m, std::size_t n, std::size_t d, const double* a, const double* b, double* c) {
  const auto width = static_cast<blasint>(d);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<blasint>(m), static_cast<blasint>(n),
              width, 1.0, a, width, b, width, 0.0, c, static_cast<blasint>(n));
}

template <class T>
struct Running {
  T top = std::numeric_limits<T>::lowest();
  T sum = 0;
  std::vector<std::pair<std::size_t, T>> kept;  // key and logit
};

__attribute__((target_clones("avx512f", "avx2", "default"))) float greatest(const float* x, std::size_t n) {
  float top = x[0];
  for (std::size_t i = 1; i < n; ++i) top = std::max(top, x[i]);
  return top;
}
__attribute__((target_clones("avx512f", "avx2", "default"))) double greatest(const double* x, std::size_t n) {
  double top = x[0];
  for (std::size_t i = 1; i < n; ++i) top = std::max(top, x[i]);
  return top;
}
__attribute__((target_clones("avx512f", "avx2", "default"))) float sum_of_exp(const float* x, std::size_t n,
                                                                              float scale, float top) {
  float sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += std::exp(scale * x[i] - top);
  return sum;
}
__attribute__((target_clones("avx512f", "avx2", "default"))) double sum_of_exp(const double* x, std::size_t n,
                                                                               double scale, double top) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += std::exp(scale * x[i] - top);
  return sum;
}

/// One row of products, keys from `first`. scale > 0.
template <class T>
void add_row(Running<T>& state, const T* x, std::size_t n, std::size_t first, T scale, T log_epsilon) {
  const T top = scale * greatest(x, n);
  if (top > state.top) {
    state.sum *= std::exp(state.top - top);
    state.top = top;
  }
  state.sum += sum_of_exp(x, n, scale, state.top);
  const T needed = log_epsilon + state.top + std::log(state.sum) - T(1e-3);  // sums only grow
  if (top < needed) return;
  for (std::size_t i = 0; i < n; ++i) {
    if (scale * x[i] >= needed) state.kept.emplace_back(first + i, scale * x[i]);
  }
}

template <class T>
SoftmaxEntries search_queries(const SoftmaxSearch& search, std::size_t begin, std::size_t end) {
  const std::size_t d = search.dim;
  const std::vector<T> queries(search.queries + begin * d, search.queries + end * d);
  std::vector<T> keys(kTileKeys * d), products(kTileQueries * kTileKeys);
  std::vector<Running<T>> states(end - begin);
  const T log_epsilon = static_cast<T>(std::log(search.epsilon)), scale = static_cast<T>(search.scale);
  for (std::size_t first = 0; first < search.n; first += kTileKeys) {
    const std::size_t count = std::min(kTileKeys, search.n - first);
    std::copy_n(search.keys + first * d, count * d, keys.begin());
    for (std::size_t q = 0; q < states.size(); q += kTileQueries) {
      const std::size_t rows = std::min(kTileQueries, states.size() - q);
      gemm(rows, count, d, queries.data() + q * d, keys.data(), products.data());
      for (std::size_t r = 0; r < rows; ++r)
        add_row(states[q + r], products.data() + r * count, count, first, scale, log_epsilon);
    }
  }
  SoftmaxEntries out;
  for (std::size_t q = 0; q < states.size(); ++q) {
    const Running<T>& state = states[q];
    for (const auto& [key, logit] : state.kept) {
      const double weight = std::exp(static_cast<double>(logit - state.top)) / static_cast<double>(state.sum);
      if (weight < search.epsilon) continue;
      out.pairs.push_back((begin + q) * search.n + key);
      out.weights.push_back(weight);
    }
  }
  return out;
}

template <class T>
SoftmaxEntries search_all(const SoftmaxSearch& search) {
  openblas_set_num_threads(1);
  const auto parts = static_cast<std::size_t>(search.threads);
  std::vector<SoftmaxEntries> found(parts);
  run_on_threads(search.threads, [&](int thread) {
    const auto t = static_cast<std::size_t>(thread);
    found[t] = search_queries<T>(search, search.m * t / parts, search.m * (t + 1) / parts);
  });
  openblas_set_num_threads(search.threads);
  SoftmaxEntries all;
  for (const SoftmaxEntries& part : found) {
    all.pairs.insert(all.pairs.end(), part.pairs.begin(), part.pairs.end());
    all.weights.insert(all.weights.end(), part.weights.begin(), part.weights.end());
  }
  return all;
}

}  // namespace

SoftmaxEntries softmax_by_sgemm(const SoftmaxSearch& search) { return search_all<float>(search); }
SoftmaxEntries softmax_by_dgemm(const SoftmaxSearch& search) { return search_all<double>(search); }

}  // namespace heavykeys::bench
