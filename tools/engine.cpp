#include "tools/engine.hpp"

#include <sched.h>

#include <algorithm>
#include <thread>

#include "heavykeys/distributed.hpp"
#include "heavykeys/streaming.hpp"
#include "tools/context.hpp"

namespace heavykeys::tools {
namespace {

/// The cores this process may run on, which under a batch system are fewer than the machine has.
int usable_cores() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) return CPU_COUNT(&set);
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

EngineInfo choose(const std::string& name) {
  const auto engines = available_engines();
  const std::string& wanted = name == "auto" ? auto_engine() : name;
  std::string names;
  for (const auto& engine : engines) {
    if (engine.name == wanted) return engine;
    names += (names.empty() ? "" : ", ") + engine.name;
  }
  throw InvalidInput("engine \"" + name + "\" is not in this build; available: " + names);
}

/// What an engine's threads are; none: it has one, and needs no runtime.
std::optional<parallel::Runtime> runtime_of(const EngineInfo& engine) {
  if (engine.name == "openmp") return parallel::Runtime::openmp;
  if (engine.name == "tbb") return parallel::Runtime::tbb;
#ifdef HEAVYKEYS_TBB
  if (engine.name == "mpi" && engine.threads > 1) return parallel::Runtime::tbb;
#endif
  return std::nullopt;
}

}  // namespace

std::vector<EngineInfo> available_engines() {
  std::vector<EngineInfo> engines = {{"streaming", 1}};
#ifdef HEAVYKEYS_TBB
  engines.push_back({"tbb", usable_cores()});
#endif
#ifdef HEAVYKEYS_OPENMP
  engines.push_back({"openmp", usable_cores()});
#endif
#ifdef HEAVYKEYS_MPI
#ifdef HEAVYKEYS_TBB
  engines.push_back({"mpi", usable_cores()});
#else
  engines.push_back({"mpi", 1});
#endif
#endif
  return engines;
}

std::string auto_engine() {
  for (const EngineInfo& engine : available_engines()) {
    if (engine.name == "tbb" || engine.name == "openmp") return engine.name;
  }
  return "streaming";
}

Engine::Engine(const EngineOptions& options, Job& job) : job_(job), info_(choose(options.name)) {
  if (options.threads && *options.threads < 1) {
    throw InvalidInput("--threads must be at least 1, not " + std::to_string(*options.threads));
  }
  info_.threads = options.threads.value_or(info_.threads);
  runtime_ = runtime_of(info_);
  if (!runtime_ && info_.threads > 1) {
    throw InvalidInput("engine \"" + name() + "\" has one thread, not " + std::to_string(info_.threads));
  }
}

void Engine::absorb(std::span<Sketch> sketches, std::span<const Rows> rows) const {
  parallel::absorb(sketches, rows, tuning());
}

void Engine::absorb(Sketch& sketch, const Rows& rows) const {
  if (!runtime_) return streaming::absorb(sketch, rows);
  parallel::absorb(sketch, rows, tuning());
}

void Engine::absorb(CausalHeavy& pass, const Rows& rows) const {
  if (!runtime_) return pass.absorb(rows);
  parallel::absorb(pass, rows, tuning());
}

void Engine::absorb(Scan& scan, const Rows& rows) const {
  if (!runtime_) return scan.absorb(rows);
  parallel::absorb(scan, rows, tuning());
}

void Engine::absorb(Verification& pass, const Rows& rows) const {
  if (!runtime_) return pass.absorb(rows);
  parallel::absorb(pass, rows, tuning());
}

void Engine::absorb(Covariance& covariance, const Rows& samples) const {
  if (!runtime_) return streaming::absorb(covariance, samples);
  parallel::absorb(covariance, samples, tuning());
}

PatternPrecision Engine::verify(const SparsePattern& pattern, const Rows& queries, const Rows& keys) const {
  if (!runtime_) return heavykeys::verify(pattern, queries, keys);
  return parallel::verify(pattern, queries, keys, tuning());
}

SmallestDim Engine::smallest_dim(const SparsePattern& pattern, const PlantOptions& what,
                                 std::size_t trials) const {
  if (!runtime_) return heavykeys::smallest_dim(pattern, what, trials);
  return parallel::smallest_dim(pattern, what, trials, tuning());
}

void Engine::allmerge(Sketch& sketch) const {
  job_.alike([&] { distributed::allmerge(job_.communicator(), sketch); });
}

void Engine::allmerge(Scan& scan) const {
  job_.alike([&] { distributed::allmerge(job_.communicator(), scan); });
}

void Engine::allmerge(Verification& pass) const {
  job_.alike([&] { distributed::allmerge(job_.communicator(), pass); });
}

void Engine::allmerge(Covariance& covariance) const {
  job_.alike([&] { distributed::allmerge(job_.communicator(), covariance); });
}

HeavyEntries Engine::concatenate(HeavyEntries mine) const {
  if (job_.ranks() == 1) return mine;  // there may be many
  return distributed::concatenate(job_.communicator(), mine);
}

HeavyEntries Engine::heavy_entries(const UniversalSet& set, const Rows& queries, const HeavyOptions& what,
                                   const std::string& place) const {
  HeavyEntries mine;
  job_.together([&] {
    const Rows share = distributed::share(job_.communicator(), queries);
    mine = in_file(place, [&] {
      if (!runtime_) return heavykeys::heavy_entries(set, share, what);
      return parallel::heavy_entries(set, share, tuning(), what);
    });
  });
  return concatenate(std::move(mine));
}

}  // namespace heavykeys::tools
