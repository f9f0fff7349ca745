// The ranks that share this run: one process, or those of mpirun.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "heavykeys/communicator.hpp"

namespace heavykeys::tools {

/// All ranks call the members of their Job in the same order, so that none waits for one that is gone: what
/// can fail on one rank alone runs in together(), what fails on all of them or on none in alike().
class Job {
 public:
  /// With `mpi`, the ranks of MPI's world: MPI is initialised, and finalised with the Job. Without, or in a
  /// build without MPI: this process alone.
  explicit Job(bool mpi);
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  ~Job();

  bool is_mpi() const { return mpi_ != nullptr; }
  int rank() const { return communicator().rank(); }
  int ranks() const { return communicator().size(); }
  /// Of the rank that writes and speaks.
  bool is_first() const { return rank() == 0; }
  distributed::Communicator& communicator() const { return *communicator_; }

  /// Runs a step of each rank's own. When it throws on any, all ranks throw the error of the lowest of them,
  /// with "rank R: " before its text where there are several. Steps do not nest.
  void together(const std::function<void()>& step);

  /// The same for a step of the first rank alone.
  void first(const std::function<void()>& step);

  /// Runs a step that, given bad input, throws the same on every rank: a check of the command line, or a verb
  /// of heavykeys::distributed.
  void alike(const std::function<void()>& step);

  /// The greatest of the ranks' values.
  std::int64_t greatest(std::int64_t mine) const;

  /// True when the error that is on its way out is on its way out of every rank.
  bool failed_alike() const { return failed_alike_ || ranks() == 1; }

  /// Ends all ranks at once, whatever they are doing. For errors of this rank that no other knows of.
  [[noreturn]] void abandon(int exit_code);

 private:
  class Mpi;
  std::unique_ptr<Mpi> mpi_;
  std::unique_ptr<distributed::Communicator> communicator_;  // goes before MPI does
  bool failed_alike_ = false;
};

}  // namespace heavykeys::tools
