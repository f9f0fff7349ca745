#include "bench/blas.hpp"

#include <cblas.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <system_error>

#include "bench/machine.hpp"
#include "bench/timing.hpp"
#include "bench/workload.hpp"

namespace heavykeys::bench {
namespace {

void add_chunk(const float* keys, std::size_t rows, std::size_t dim, float* gram) {
  const auto d = static_cast<blasint>(dim);
  cblas_ssyrk(CblasRowMajor, CblasUpper, CblasTrans, d, static_cast<blasint>(rows), 1.0f, keys, d, 1.0f, gram,
              d);
}

// Rows [begin, end) into gram, on the calling thread.
void add_range(const Rows& keys, std::size_t begin, std::size_t end, std::size_t chunk_rows, float* gram) {
  std::vector<float> wide(keys.dtype == Dtype::f32 ? 0 : chunk_rows * keys.dim);
  for (std::size_t row = begin; row < end; row += chunk_rows) {
    const std::size_t rows = std::min(chunk_rows, end - row);
    if (keys.dtype == Dtype::f32) {
      add_chunk(static_cast<const float*>(keys.data) + row * keys.dim, rows, keys.dim, gram);
    } else {
      const auto* narrow_keys = static_cast<const std::uint16_t*>(keys.data) + row * keys.dim;
      widen(narrow_keys, wide.data(), rows * keys.dim, keys.dtype);
      add_chunk(wide.data(), rows, keys.dim, gram);
    }
  }
}

std::vector<std::size_t> chunks_for(const Rows& keys) {
  std::vector<std::size_t> chunks;
  for (const std::size_t chunk : {1024, 4096, 16384, 65536}) {
    if (chunk < keys.count) chunks.push_back(chunk);
  }
  // All at once, unless that would widen a second copy of all the keys.
  if (keys.dtype == Dtype::f32 || chunks.empty()) chunks.push_back(keys.count);
  return chunks;
}

}  // namespace

void use_right_blas_kernels(int threads, char** argv) {
  const std::string wanted_threads = std::to_string(threads);
  const char* set_threads = std::getenv("OPENBLAS_NUM_THREADS");
  const bool core_missing = std::getenv("OPENBLAS_CORETYPE") == nullptr && __builtin_cpu_supports("avx512f");
  const bool threads_missing = set_threads == nullptr || set_threads != wanted_threads;
  if (!core_missing && !threads_missing) return;
  if (core_missing) setenv("OPENBLAS_CORETYPE", "SkylakeX", 1);
  setenv("OPENBLAS_NUM_THREADS", wanted_threads.c_str(), 1);
  execv("/proc/self/exe", argv);
  throw std::system_error(errno, std::generic_category(), "cannot restart with OPENBLAS_CORETYPE set");
}

nlohmann::json describe_openblas() {
  const char* core_type = std::getenv("OPENBLAS_CORETYPE");
  return {{"corename", openblas_get_corename()},
          {"config", openblas_get_config()},
          {"OPENBLAS_CORETYPE", core_type == nullptr ? "" : core_type},
          {"threads", openblas_get_num_threads()}};
}

const char* name_of(Sharing sharing) { return sharing == Sharing::library ? "library" : "caller"; }

nlohmann::json to_json(const GramPlan& plan) {
  return {{"chunk_rows", plan.chunk_rows}, {"rows_shared_by", name_of(plan.sharing)}};
}

std::vector<float> gram_by_ssyrk(const Rows& keys, const GramPlan& plan, int threads) {
  const std::size_t size = keys.dim * keys.dim;
  std::vector<float> gram(size);
  if (plan.sharing == Sharing::library) {
    openblas_set_num_threads(threads);
    add_range(keys, 0, keys.count, plan.chunk_rows, gram.data());
    return gram;
  }
  openblas_set_num_threads(1);
  const auto parts = static_cast<std::size_t>(threads);
  std::vector<float> partial(parts * size);
  run_on_threads(threads, [&](int thread) {
    const auto t = static_cast<std::size_t>(thread);
    add_range(keys, keys.count * t / parts, keys.count * (t + 1) / parts, plan.chunk_rows,
              partial.data() + t * size);
  });
  for (std::size_t i = 0; i < partial.size(); ++i) gram[i % size] += partial[i];
  openblas_set_num_threads(threads);
  return gram;
}

GramPlan best_gram_plan(const Rows& keys, Sharing sharing, int threads, nlohmann::json& trials) {
  GramPlan best;
  double best_seconds = std::numeric_limits<double>::infinity();
  for (const std::size_t chunk_rows : chunks_for(keys)) {
    const GramPlan plan = {chunk_rows, sharing};
    double seconds = std::numeric_limits<double>::infinity();
    for (int trial = 0; trial < 2; ++trial) {
      seconds = std::min(seconds, seconds_of([&] { gram_by_ssyrk(keys, plan, threads); }));
    }
    nlohmann::json entry = to_json(plan);
    entry["seconds"] = seconds;
    trials.push_back(entry);
    if (seconds < best_seconds) {
      best_seconds = seconds;
      best = plan;
    }
  }
  return best;
}

std::vector<double> gram_by_dsyrk(const Rows& keys, int threads) {
  constexpr std::size_t chunk_rows = 65536;
  const auto d = static_cast<blasint>(keys.dim);
  const auto* values = static_cast<const float*>(keys.data);
  std::vector<double> gram(keys.dim * keys.dim);
  std::vector<double> chunk;
  openblas_set_num_threads(threads);
  for (std::size_t row = 0; row < keys.count; row += chunk_rows) {
    const std::size_t rows = std::min(chunk_rows, keys.count - row);
    chunk.assign(values + row * keys.dim, values + (row + rows) * keys.dim);
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, d, static_cast<blasint>(rows), 1.0, chunk.data(), d,
                1.0, gram.data(), d);
  }
  for (std::size_t i = 0; i < keys.dim; ++i) {
    for (std::size_t j = 0; j < i; ++j) gram[i * keys.dim + j] = gram[j * keys.dim + i];
  }
  return gram;
}

}  // namespace heavykeys::bench
