// Ranks that work together: all that heavykeys asks of a message-passing library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace heavykeys::distributed {
#pragma GCC visibility push(default)

/// A group of ranks 0 .. size() - 1. Every rank calls the same members in the same order; each call returns
/// once this rank's part is done.
///
/// heavykeys/mpi.hpp makes one of an MPI_Comm. Any other transport will do that gives these five operations:
/// the protocols see no other, and what they return depends on the bytes alone. A failure of the transport is
/// thrown as BackendError, on the ranks that see it.
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;  ///< of this process, in 0 .. size() - 1
  virtual int size() const = 0;  ///< how many ranks there are

  /// Element by element the greatest over the ranks; every rank gets it.
  virtual void all_max(std::span<std::int64_t> values) = 0;

  /// The sum over the ranks, on every rank. `words` holds integers of `limbs` 64-bit words each, two's
  /// complement, the least significant word first; carries run through an integer, modulo 2^(64 limbs). So
  /// the sum is exact and the same for any order of the ranks. words.size() is a multiple of limbs.
  virtual void all_sum(std::span<std::uint64_t> words, std::size_t limbs) = 0;

  /// What each rank handed in, by rank; sizes may differ. Every rank gets it, or only `root`, when given; the
  /// others then get an empty list.
  virtual std::vector<std::vector<std::byte>> gather(std::span<const std::byte> mine,
                                                     std::optional<int> root = std::nullopt) = 0;

  /// A message to be sent.
  struct Parcel {
    int rank = 0;                  ///< where it goes to
    std::vector<std::byte> bytes;  ///< what it says
  };
  /// A message to be received.
  struct Arrival {
    int rank = 0;          ///< where it comes from
    std::size_t size = 0;  ///< bytes
  };
  /// Sends parcels, at most one to a rank, none to itself, and returns those that arrive, in the order
  /// announced. Both sides know who sends and how much. Ranks without a part in it call it as well.
  virtual std::vector<std::vector<std::byte>> exchange(std::span<const Parcel> outgoing,
                                                       std::span<const Arrival> incoming) = 0;
};

#pragma GCC visibility pop

}  // namespace heavykeys::distributed
