// Who does the work: the same verbs, on the backend that was asked for.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "heavykeys/heavykeys.hpp"
#include "tools/options.hpp"

namespace heavykeys::tools {

struct EngineInfo {
  std::string name;
  int threads;  ///< that it uses unless told otherwise
};

/// The engines of this build: streaming, then those with threads, the preferred one first.
std::vector<EngineInfo> available_engines();

/// Which of them "auto" stands for: the first with threads, if there is one.
std::size_t auto_engine(std::size_t engine_count);

class Engine {
 public:
  /// Throws InvalidInput for an engine that is not in this build, or threads it cannot have.
  explicit Engine(const EngineOptions& options);

  const std::string& name() const { return info_.name; }
  int threads() const { return info_.threads; }

  /// rows[i] into sketches[i]. All or nothing for each sketch.
  void absorb(std::span<Sketch> sketches, std::span<const Rows> rows) const;
  void absorb(CausalHeavy& pass, const Rows& rows) const;
  void absorb(Scan& scan, const Rows& rows) const;
  void absorb(Verification& pass, const Rows& rows) const;
  HeavyEntries heavy_entries(const UniversalSet& set, const Rows& queries, const HeavyOptions& what) const;

 private:
  bool is_streaming() const { return info_.name == "streaming"; }

  EngineInfo info_;
};

}  // namespace heavykeys::tools
