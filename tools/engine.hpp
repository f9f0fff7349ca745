// Who does the work: the same verbs, on the backend that was asked for.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/parallel.hpp"
#include "tools/job.hpp"
#include "tools/options.hpp"

namespace heavykeys::tools {

struct EngineInfo {
  std::string name;
  int threads;  ///< that it uses unless told otherwise; of mpi, each rank
};

/// The engines of this build: streaming, then those with threads, the preferred one first, then mpi.
std::vector<EngineInfo> available_engines();

/// Which of them "auto" stands for: the first with threads, if there is one.
std::string auto_engine();

/// The engine of one rank, and with it the ranks: "mpi" is oneTBB's threads, or one core, on each of them.
class Engine {
 public:
  /// Throws InvalidInput for an engine that is not in this build, or threads it cannot have.
  Engine(const EngineOptions& options, Job& job);

  const std::string& name() const { return info_.name; }
  int threads() const { return info_.threads; }
  Job& job() const { return job_; }

  /// True when the heads of a chunk are worth absorbing at once.
  bool absorbs_heads_at_once() const { return runtime_.has_value(); }

  /// rows[i] into sketches[i]. All or nothing.
  void absorb(std::span<Sketch> sketches, std::span<const Rows> rows) const;
  void absorb(Sketch& sketch, const Rows& rows) const;
  void absorb(CausalHeavy& pass, const Rows& rows) const;
  void absorb(Scan& scan, const Rows& rows) const;
  void absorb(Verification& pass, const Rows& rows) const;
  void absorb(Covariance& covariance, const Rows& samples) const;

  PatternPrecision verify(const SparsePattern& pattern, const Rows& queries, const Rows& keys) const;
  SmallestDim smallest_dim(const SparsePattern& pattern, const PlantOptions& what, std::size_t trials) const;

  // The verbs below are collective: all ranks call them, in the same order.

  /// Merges the ranks' sketches, scans or second passes; every rank then has the whole.
  void allmerge(Sketch& sketch) const;
  void allmerge(Scan& scan) const;
  void allmerge(Verification& pass) const;
  void allmerge(Covariance& covariance) const;
  /// What the ranks found for consecutive queries, put together.
  HeavyEntries concatenate(HeavyEntries mine) const;
  /// Of all queries, shared out over the ranks. Errors begin with `place`.
  HeavyEntries heavy_entries(const UniversalSet& set, const Rows& queries, const HeavyOptions& what,
                             const std::string& place) const;

 private:
  parallel::Options tuning() const { return {.runtime = *runtime_, .threads = info_.threads}; }

  Job& job_;
  EngineInfo info_;
  std::optional<parallel::Runtime> runtime_;  // none: one core
};

}  // namespace heavykeys::tools
