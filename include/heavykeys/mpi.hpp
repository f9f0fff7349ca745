// MPI as a Communicator, and the distributed verbs on an MPI_Comm. Link heavykeys::mpi.
#pragma once

#include <mpi.h>

#include <cstddef>

#include "heavykeys/distributed.hpp"

namespace heavykeys::distributed {
#pragma GCC visibility push(default)

/// Ranks of a caller's communicator, which is duplicated: no message of ours can meet one of the caller's.
///
/// MPI must be initialised, and not yet finalised when this object goes; making and destroying one is
/// collective. Calls come from one thread at a time (MPI_THREAD_FUNNELED will do when that is the main one).
/// Sums use a reduction of our own over a datatype of whole integers. Messages of any size: what passes
/// `most_bytes` goes in pieces.
/// Throws BackendError with MPI's own text.
class MpiCommunicator final : public Communicator {
 public:
  /// Duplicates `comm`.
  explicit MpiCommunicator(MPI_Comm comm, std::size_t most_bytes = std::size_t{1} << 30);
  MpiCommunicator(const MpiCommunicator&) = delete;
  MpiCommunicator& operator=(const MpiCommunicator&) = delete;
  ~MpiCommunicator() override;

  int rank() const override { return rank_; }  ///< in comm
  int size() const override { return size_; }  ///< of comm
  void all_max(std::span<std::int64_t> values) override;
  void all_sum(std::span<std::uint64_t> words, std::size_t limbs) override;
  std::vector<std::vector<std::byte>> gather(std::span<const std::byte> mine,
                                             std::optional<int> root = std::nullopt) override;
  std::vector<std::vector<std::byte>> exchange(std::span<const Parcel> outgoing,
                                               std::span<const Arrival> incoming) override;

 private:
  MPI_Comm comm_ = MPI_COMM_NULL;
  MPI_Op add_ = MPI_OP_NULL;
  int rank_ = 0;
  int size_ = 1;
  std::size_t most_bytes_;
};

/// allmerge and merge on a caller's communicator. It is duplicated for the call: who merges often keeps an
/// MpiCommunicator.
void allmerge(MPI_Comm comm, Sketch& sketch);
/// As distributed::merge: `root` gets the sum of all, the others keep what they had.
void merge(MPI_Comm comm, Sketch& sketch, int root);

#pragma GCC visibility pop

}  // namespace heavykeys::distributed
