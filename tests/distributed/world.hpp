// Where the laws of heavykeys::distributed are tried: the same bodies run on ranks that are threads, and on
// ranks that mpirun started.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "heavykeys/communicator.hpp"

namespace world {

using heavykeys::distributed::Communicator;

/// What one rank does; returns "" or what is wrong. Nothing of Catch2 is called on a rank: its assertions are
/// not for threads, and ranks of MPI have to agree on what they found.
using Body = std::function<std::string(Communicator&)>;

struct World {
  int ranks = 1;
  std::string name;
  /// Runs the body on every rank. What they returned, or threw, by rank: "" when nothing is wrong; the same
  /// text on every rank.
  std::function<std::string(const Body&)> run;
};

/// Numbers of ranks: 1, 2, 3, 5, 7 as threads, or the number that mpirun started.
const std::vector<World>& worlds();

/// The same and more: with delays, or with messages cut into tiny pieces.
const std::vector<World>& all_worlds();

/// Whether each rank has a process of its own, and so settings of its own.
bool separate_processes();

/// "rank 3: text" on a line of its own for each text that is not empty.
inline std::string listed(const std::vector<std::string>& by_rank) {
  std::string all;
  for (std::size_t r = 0; r < by_rank.size(); ++r) {
    if (!by_rank[r].empty()) all += "rank " + std::to_string(r) + ": " + by_rank[r] + "\n";
  }
  return all;
}

/// What `step` returns, or the text of what it throws.
inline std::string outcome(const std::function<std::string()>& step) {
  try {
    return step();
  } catch (const std::exception& e) {
    return std::string("threw ") + e.what();
  } catch (...) {
    return "threw something else";
  }
}

}  // namespace world
