#include "tools/engine.hpp"

#include <sched.h>

#include <algorithm>
#include <thread>

#include "heavykeys/parallel.hpp"
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
  if (name == "auto") return engines[auto_engine(engines.size())];
  std::string names;
  for (const auto& engine : engines) {
    if (engine.name == name) return engine;
    names += (names.empty() ? "" : ", ") + engine.name;
  }
  throw InvalidInput("engine \"" + name + "\" is not in this build; available: " + names);
}

parallel::Options tuning(const EngineInfo& engine) {
  const auto runtime = engine.name == "openmp" ? parallel::Runtime::openmp : parallel::Runtime::tbb;
  return {.runtime = runtime, .threads = engine.threads};
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
  return engines;
}

std::size_t auto_engine(std::size_t engine_count) { return engine_count > 1 ? 1 : 0; }

Engine::Engine(const EngineOptions& options) : info_(choose(options.name)) {
  if (!options.threads) return;
  if (*options.threads < 1) {
    throw InvalidInput("--threads must be at least 1, not " + std::to_string(*options.threads));
  }
  if (is_streaming() && *options.threads > 1) {
    throw InvalidInput("engine \"streaming\" has one thread, not " + std::to_string(*options.threads));
  }
  info_.threads = *options.threads;
}

void Engine::absorb(std::span<Sketch> sketches, std::span<const Rows> rows) const {
  if (!is_streaming() && rows.size() > 1) return parallel::absorb(sketches, rows, tuning(info_));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto absorb_one = [&] {
      if (is_streaming()) return streaming::absorb(sketches[i], rows[i]);
      parallel::absorb(sketches[i], rows[i], tuning(info_));
    };
    if (rows.size() == 1) {
      absorb_one();
    } else {
      in_file("head " + std::to_string(i), absorb_one);
    }
  }
}

void Engine::absorb(CausalHeavy& pass, const Rows& rows) const {
  if (is_streaming()) return pass.absorb(rows);
  parallel::absorb(pass, rows, tuning(info_));
}

void Engine::absorb(Scan& scan, const Rows& rows) const {
  if (is_streaming()) return scan.absorb(rows);
  parallel::absorb(scan, rows, tuning(info_));
}

void Engine::absorb(Verification& pass, const Rows& rows) const {
  if (is_streaming()) return pass.absorb(rows);
  parallel::absorb(pass, rows, tuning(info_));
}

HeavyEntries Engine::heavy_entries(const UniversalSet& set, const Rows& queries,
                                   const HeavyOptions& what) const {
  if (is_streaming()) return heavykeys::heavy_entries(set, queries, what);
  return parallel::heavy_entries(set, queries, tuning(info_), what);
}

}  // namespace heavykeys::tools
