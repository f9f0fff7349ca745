#include "bench/engine.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "bench/workload.hpp"
#include "heavykeys/heavykeys.hpp"
#include "heavykeys/parallel.hpp"
#include "heavykeys/streaming.hpp"

namespace heavykeys::bench {
namespace {

parallel::Options options_of(const Engine& engine) {
  if (engine.name != "tbb" && engine.name != "openmp") {
    throw std::invalid_argument("no engine \"" + engine.name + "\": streaming, tbb, openmp");
  }
  return {engine.name == "tbb" ? parallel::Runtime::tbb : parallel::Runtime::openmp, engine.threads};
}

// Lower Cholesky factor of gram [d, d], in place; full rank is the caller's business.
void factor(std::vector<double>& gram, std::size_t d) {
  for (std::size_t j = 0; j < d; ++j) {
    for (std::size_t i = j; i < d; ++i) {
      double sum = gram[i * d + j];
      for (std::size_t k = 0; k < j; ++k) sum -= gram[i * d + k] * gram[j * d + k];
      gram[i * d + j] = i == j ? std::sqrt(sum) : sum / gram[j * d + j];
    }
  }
}

// Leverage of every row of keys [n, d]: |L^-1 k|^2.
std::vector<double> leverage_by_cholesky(const std::vector<double>& keys, std::size_t n, std::size_t d) {
  std::vector<double> gram(d * d);
  for (std::size_t row = 0; row < n; ++row) {
    for (std::size_t i = 0; i < d * d; ++i) gram[i] += keys[row * d + i / d] * keys[row * d + i % d];
  }
  factor(gram, d);
  std::vector<double> leverage(n);
  std::vector<double> solved(d);
  for (std::size_t row = 0; row < n; ++row) {
    for (std::size_t i = 0; i < d; ++i) {
      double sum = keys[row * d + i];
      for (std::size_t k = 0; k < i; ++k) sum -= gram[i * d + k] * solved[k];
      solved[i] = sum / gram[i * d + i];
      leverage[row] += solved[i] * solved[i];
    }
  }
  return leverage;
}

void compare(const UniversalSet& found, const std::vector<double>& expected, double epsilon) {
  constexpr double slack = 1e-4;  // the oracle sees the keys before the grid rounds them
  std::size_t next = 0;
  for (std::size_t row = 0; row < expected.size(); ++row) {
    const bool member = next < found.size() && found.ids()[next].row == row;
    const double tau = expected[row];
    const bool wrong =
        member ? tau < epsilon * (1 - slack) || std::abs(found.leverage()[next] - tau) > slack * tau
               : tau > epsilon * (1 + slack);
    if (wrong) {
      throw std::runtime_error("check failed: key " + std::to_string(row) + " of leverage " +
                               std::to_string(tau) +
                               (member ? " is in U with another leverage" : " is not in U"));
    }
    next += member ? 1 : 0;
  }
  if (next != found.size()) throw std::runtime_error("check failed: U holds a key that does not exist");
}

}  // namespace

void Engine::absorb(Sketch& sketch, const Rows& rows) const {
  if (name == "streaming") return streaming::absorb(sketch, rows);
  parallel::absorb(sketch, rows, options_of(*this));
}

void Engine::absorb(std::span<Sketch> sketches, std::span<const Rows> rows) const {
  if (name != "streaming") return parallel::absorb(sketches, rows, options_of(*this));
  for (std::size_t h = 0; h < sketches.size(); ++h) streaming::absorb(sketches[h], rows[h]);
}

void Engine::absorb(Scan& scan, const Rows& rows) const {
  if (name == "streaming") return scan.absorb(rows);
  parallel::absorb(scan, rows, options_of(*this));
}

HeavyEntries Engine::scan(const Score& score, double epsilon, const Rows& queries, const Rows& keys,
                          const ScanOptions& what) const {
  if (name == "streaming") return heavykeys::scan(score, epsilon, queries, keys, what);
  return parallel::scan(score, epsilon, queries, keys, what, options_of(*this));
}

HeavyEntries Engine::heavy_entries(const UniversalSet& set, const Rows& queries) const {
  if (name == "streaming") return heavykeys::heavy_entries(set, queries);
  return parallel::heavy_entries(set, queries, options_of(*this));
}

void check_same_bytes(const Engine& engine, const Spec& spec, const Rows& keys) {
  Sketch at_once(spec);
  streaming::absorb(at_once, keys);
  Sketch in_pushes(spec);
  std::size_t begin = 0;
  for (std::size_t push = 1; begin < keys.count; push = push * 3 + 1) {
    const std::size_t length = std::min(push, keys.count - begin);
    engine.absorb(in_pushes, keys.slice(begin, length));
    begin += length;
  }
  if (to_bytes(at_once) != to_bytes(in_pushes)) {
    throw std::runtime_error("check failed: engine " + engine.name +
                             " and streaming give different bytes for " + std::to_string(keys.count) +
                             " rows");
  }
}

void check_small_problem(const Engine& engine, Dtype dtype) {
  const KeyShape shape = {.count = 5000, .dim = 24, .family = Family::outliers, .outliers = 30, .seed = 7};
  const std::size_t size = shape.count * shape.dim;
  std::vector<float> keys(size);
  make_keys(keys.data(), shape, 1);
  std::vector<std::uint16_t> halves(dtype == Dtype::f32 ? 0 : size);
  if (dtype != Dtype::f32) {
    narrow(keys.data(), halves.data(), size, dtype, 1);
    widen(halves.data(), keys.data(), size, dtype);
  }
  const void* data = dtype == Dtype::f32 ? static_cast<const void*>(keys.data()) : halves.data();
  const Spec spec = {.dim = shape.dim, .epsilon = 0.05, .grid_bits = default_grid_bits(dtype)};
  Sketch sketch(spec);
  engine.absorb(sketch, rows(data, dtype, shape.count, shape.dim));
  const std::vector<double> wide(keys.begin(), keys.end());
  compare(finalize(sketch), leverage_by_cholesky(wide, shape.count, shape.dim), spec.epsilon);
}

}  // namespace heavykeys::bench
