#include "bench/rivals_of_heavy_entries.hpp"

#include <cblas.h>
#include <faiss/IndexFlat.h>
#include <faiss/impl/AuxIndexStructures.h>
#include <faiss/utils/distances.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "bench/machine.hpp"
#include "bench/timing.hpp"

namespace heavykeys::bench {
namespace {

constexpr std::size_t scan_width = 64;

// Bit i: |products[i]| > radius. Without a branch, so that it vectorises; hits are rare.
__attribute__((target_clones("avx512f", "avx2", "default"))) bool any_beyond(const float* products,
                                                                             float radius) {
  std::uint32_t hits = 0;
  for (std::size_t i = 0; i < scan_width; ++i) hits += std::fabs(products[i]) > radius ? 1u : 0u;
  return hits != 0;
}

// One row of products: query against keys [first_key, first_key + count).
void scan_row(const float* products, std::size_t count, float radius, std::uint64_t first_pair,
              Pairs& pairs) {
  for (std::size_t begin = 0; begin < count; begin += scan_width) {
    const std::size_t end = std::min(begin + scan_width, count);
    if (end - begin == scan_width && !any_beyond(products + begin, radius)) continue;
    for (std::size_t i = begin; i < end; ++i) {
      if (std::fabs(products[i]) > radius) pairs.push_back(first_pair + i);
    }
  }
}

Pairs scan_key_range(const Search& search, const SgemmPlan& plan, std::size_t first, std::size_t last) {
  Pairs pairs;
  std::vector<float> products(plan.queries * plan.keys);
  const auto d = static_cast<blasint>(search.dim);
  for (std::size_t key = first; key < last; key += plan.keys) {
    const std::size_t keys = std::min(plan.keys, last - key);
    for (std::size_t query = 0; query < search.m; query += plan.queries) {
      const std::size_t queries = std::min(plan.queries, search.m - query);
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<blasint>(queries),
                  static_cast<blasint>(keys), d, 1.0f, search.queries + query * search.dim, d,
                  search.keys + key * search.dim, d, 0.0f, products.data(), static_cast<blasint>(keys));
      for (std::size_t q = 0; q < queries; ++q) {
        scan_row(products.data() + q * keys, keys, search.radius, (query + q) * search.n + key, pairs);
      }
    }
  }
  return pairs;
}

}  // namespace

FaissRun search_by_faiss(const Search& search, int block_keys) {
  faiss::distance_compute_blas_database_bs = block_keys;
  omp_set_num_threads(search.threads);
  openblas_set_num_threads(search.threads);
  const std::size_t size = search.m * search.dim;
  std::vector<float> both_signs(2 * size);
  for (std::size_t i = 0; i < size; ++i) {
    both_signs[i] = search.queries[i];
    both_signs[size + i] = -search.queries[i];
  }
  FaissRun run;
  faiss::IndexFlatIP index(static_cast<faiss::Index::idx_t>(search.dim));
  run.add_seconds = seconds_of([&] { index.add(static_cast<faiss::Index::idx_t>(search.n), search.keys); });
  faiss::RangeSearchResult result(static_cast<faiss::Index::idx_t>(2 * search.m));
  run.search_seconds = seconds_of([&] {
    index.range_search(static_cast<faiss::Index::idx_t>(2 * search.m), both_signs.data(), search.radius,
                       &result);
  });
  for (std::size_t q = 0; q < 2 * search.m; ++q) {
    for (std::size_t i = result.lims[q]; i < result.lims[q + 1]; ++i) {
      run.pairs.push_back(q % search.m * search.n + static_cast<std::uint64_t>(result.labels[i]));
    }
  }
  std::sort(run.pairs.begin(), run.pairs.end());
  return run;
}

int best_faiss_block(const Search& search, nlohmann::json& trials) {
  int best = 0;
  double best_seconds = std::numeric_limits<double>::infinity();
  for (const int block_keys :
       {1024, 4096}) {  // past 4096 the products leave the caches and it is slower again
    const double seconds = search_by_faiss(search, block_keys).search_seconds;
    trials.push_back({{"database_bs", block_keys}, {"seconds", seconds}});
    if (seconds < best_seconds) {
      best_seconds = seconds;
      best = block_keys;
    }
  }
  return best;
}

Pairs search_by_sgemm(const Search& search, const SgemmPlan& plan) {
  openblas_set_num_threads(1);
  const auto parts = static_cast<std::size_t>(search.threads);
  std::vector<Pairs> found(parts);
  run_on_threads(search.threads, [&](int thread) {
    const auto t = static_cast<std::size_t>(thread);
    found[t] = scan_key_range(search, plan, search.n * t / parts, search.n * (t + 1) / parts);
  });
  openblas_set_num_threads(search.threads);
  Pairs pairs;
  for (const Pairs& part : found) pairs.insert(pairs.end(), part.begin(), part.end());
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

SgemmPlan best_sgemm_plan(const Search& search, nlohmann::json& trials) {
  Search part = search;
  part.n = std::max<std::size_t>(search.n / 8, 1);
  SgemmPlan best;
  double best_seconds = std::numeric_limits<double>::infinity();
  for (const SgemmPlan plan :
       {SgemmPlan{128, 512}, SgemmPlan{128, 2048}, SgemmPlan{256, 1024}, SgemmPlan{512, 512},
        SgemmPlan{1024, 256}, SgemmPlan{1024, 1024}, SgemmPlan{1024, 4096}}) {
    double seconds = std::numeric_limits<double>::infinity();
    for (int trial = 0; trial < 2; ++trial) {
      seconds = std::min(seconds, seconds_of([&] { search_by_sgemm(part, plan); }));
    }
    trials.push_back({{"queries", plan.queries}, {"keys", plan.keys}, {"seconds_for_an_eighth", seconds}});
    if (seconds < best_seconds) {
      best_seconds = seconds;
      best = plan;
    }
  }
  return best;
}

}  // namespace heavykeys::bench
