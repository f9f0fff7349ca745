// heavykeys as the benchmarks drive it: an engine by name, and the checks that come before any timing.
#pragma once

#include <span>
#include <string>

#include "heavykeys/heavy_entries.hpp"
#include "heavykeys/rows.hpp"
#include "heavykeys/scan.hpp"
#include "heavykeys/sketch.hpp"
#include "heavykeys/universal_set.hpp"

namespace heavykeys::bench {

struct Engine {
  std::string name;  ///< streaming, tbb or openmp
  int threads = 1;   ///< of tbb and openmp; streaming has one

  void absorb(Sketch& sketch, const Rows& rows) const;
  void absorb(std::span<Sketch> sketches, std::span<const Rows> rows) const;  ///< one head each
  void absorb(Scan& scan, const Rows& rows) const;
  HeavyEntries scan(const Score& score, double epsilon, const Rows& queries, const Rows& keys,
                    const ScanOptions& what) const;
  HeavyEntries heavy_entries(const UniversalSet& set, const Rows& queries) const;
};

/// The same rows through this engine in uneven pushes and through streaming in one must give the same bytes.
/// Throws std::runtime_error otherwise.
void check_same_bytes(const Engine& engine, const Spec& spec, const Rows& keys);

/// A few thousand keys of every dtype with planted heavy ones: U and its leverage scores against float64
/// Cholesky. Throws std::runtime_error naming the key that differs.
void check_small_problem(const Engine& engine, Dtype dtype);

}  // namespace heavykeys::bench
