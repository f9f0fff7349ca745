// What find, scan and finalize share: options to values, and the report to where it was asked for.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "heavykeys/heavykeys.hpp"
#include "tools/engine.hpp"
#include "tools/key_source.hpp"
#include "tools/report.hpp"

namespace heavykeys::tools {

/// Queries for `heads` heads of keys: [m, d] for all of them, or [heads, m, d].
class Queries {
 public:
  /// Throws InvalidInput when the shape does not fit the keys.
  Queries(const std::string& name, std::size_t dim, std::size_t heads);

  const std::string& name() const { return name_; }
  Rows head(std::size_t h) const { return tensor_.head(tensor_.heads() == 1 ? 0 : h); }

 private:
  std::string name_;  ///< for error texts
  Tensor tensor_;
};

/// As given on the command line. Throws InvalidInput for a confidence that cannot be had.
Mode mode_of(const std::string& name);
HeavyOptions entry_options(const EntryOptions& options);

/// Refuses inputs from stdin where there is none to be had, or not twice.
void check_stdin(const std::string& keys, const std::string& queries, const EngineOptions& engine);

/// Adds the time from its making to its end to `seconds`.
class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds) {}
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() { seconds_ += std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  double& seconds_;
  Clock::time_point start_ = Clock::now();
};

/// How a run with this engine is to be called in reports.
RunInfo run_info(const Engine& engine);

/// Merges the ranks' sketches of a head, all of them then having the whole, and decides its universal set.
/// Collective.
UniversalSet decide(Sketch& sketch, const KeySource& keys, std::size_t head, const Engine& engine,
                    RunInfo& run);

/// Writes DIR and prints JSON or the table, as asked: the first rank does. Collective.
void deliver(Report& report, const ReportOptions& options, Job& job);

}  // namespace heavykeys::tools
