// Saves of a long sketch run: a state file of each rank, in generations, in a folder of the job's own.
#pragma once

#include <cstdint>
#include <string>

#include "heavykeys/sketch.hpp"
#include "tools/job.hpp"

namespace heavykeys::tools {

/// DIR/g000012-rank-0003-of-0008.hks. A generation with a file of each of its ranks is complete. The older
/// one goes once the newer one is complete, so that one is there whenever the job is cut off.
/// All members but the constructor are collective.
class Checkpoints {
 public:
  Checkpoints(std::string folder, Job& job) : folder_(std::move(folder)), job_(job) {}

  /// Makes DIR if it is missing and looks for the newest complete generation. Throws InvalidInput.
  void open();

  /// This rank's part of that generation, whose files are dealt out; an empty sketch where there is none.
  /// Throws Incompatible, naming the file and both Specs, when it is of another job.
  Sketch load(const Spec& spec);

  /// A new generation, in place of all others.
  void save(const Sketch& sketch);

  /// The job is done: removes all generations, and DIR when nothing else is in it.
  void remove();

 private:
  std::string file(std::int64_t generation, std::int64_t rank, std::int64_t ranks) const;

  std::string folder_;
  Job& job_;
  std::int64_t newest_ = 0;     // complete; 0: none
  std::int64_t files_ = 0;      // of that one
  std::int64_t last_used_ = 0;  // by any file: no generation is begun twice
};

}  // namespace heavykeys::tools
