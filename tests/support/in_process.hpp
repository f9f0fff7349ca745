// Ranks as threads of one process: a Communicator whose every operation can be watched, delayed and counted.
#pragma once

#include <array>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "heavykeys/communicator.hpp"

namespace support {

/// Words of 8 bytes, rounded up for each call. `sent`: what this rank handed in. `received`: what others
/// handed in and this rank was given; of a sum or maximum, the result.
struct Words {
  std::uint64_t calls = 0;
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
};

enum class Operation { all_max, all_sum, gather, exchange };
inline constexpr std::array<Operation, 4> kOperations = {Operation::all_max, Operation::all_sum,
                                                         Operation::gather, Operation::exchange};
std::string name_of(Operation operation);

/// What one rank sent and received, by operation.
struct Traffic {
  std::array<Words, 4> by_operation;

  Words& of(Operation o) { return by_operation[static_cast<std::size_t>(o)]; }
  const Words& of(Operation o) const { return by_operation[static_cast<std::size_t>(o)]; }
  std::uint64_t sent() const;
  std::uint64_t received() const;
  std::uint64_t calls() const;
};

/// How one rank ended.
struct RankEnd {
  std::exception_ptr error;  ///< what the body threw on this rank, if it did
  Traffic traffic;
};

struct InProcessOptions {
  /// Not 0: ranks yield or sleep at random, from this seed, on their way into and out of every operation.
  std::uint64_t delays = 0;
  /// Not 0: operation number `fail_at` of rank `fail_rank`, from 1, throws BackendError there; as a transport
  /// does that breaks.
  std::uint64_t fail_at = 0;
  int fail_rank = 0;
};

using RankBody = std::function<void(heavykeys::distributed::Communicator&)>;

/// Runs `body` on ranks 0 .. ranks - 1, a thread each, and returns how each of them ended.
///
/// An operation completes once all ranks have called it. When they call different ones, or with arguments
/// that do not fit each other, all throw BackendError "mismatched calls: ...", naming who called what. When a
/// rank's body ends while others wait, or will ever wait, for it, those throw BackendError "rank R has left".
std::vector<RankEnd> run_ranks(int ranks, const RankBody& body, const InProcessOptions& options = {});

/// Throws the error of the lowest rank that has one.
void rethrow(const std::vector<RankEnd>& ends);

}  // namespace support
