// A Communicator that keeps count of what goes through it.
#pragma once

#include <cstdint>
#include <vector>

#include "heavykeys/communicator.hpp"

namespace heavykeys::bench {

/// Seconds that this thread has had a processor: what a rank works, however many ranks share the processors.
double thread_cpu_seconds();

enum class Operation { all_max, all_sum, gather, exchange };

/// One call of one rank. Words are of 8 bytes, begun ones counted whole; a gather counts the sizes of the
/// parts as well, which every transport has to announce.
struct Call {
  Operation what = Operation::all_max;
  std::size_t limbs = 1;        ///< all_sum: words of an integer
  std::uint64_t words_out = 0;  ///< handed to the transport
  std::uint64_t words_in = 0;   ///< handed back by it
  double cpu_seconds = 0;       ///< of this thread inside the transport: waiting may spin
  double wall_seconds = 0;
};

/// Passes everything on to `inner`, which must outlive it, and writes down each call.
class CountingCommunicator final : public distributed::Communicator {
 public:
  explicit CountingCommunicator(distributed::Communicator& inner) : inner_(inner) {}

  const std::vector<Call>& calls() const { return calls_; }
  void clear() { calls_.clear(); }

  int rank() const override { return inner_.rank(); }
  int size() const override { return inner_.size(); }
  void all_max(std::span<std::int64_t> values) override;
  void all_sum(std::span<std::uint64_t> words, std::size_t limbs) override;
  std::vector<std::vector<std::byte>> gather(std::span<const std::byte> mine,
                                             std::optional<int> root = std::nullopt) override;
  std::vector<std::vector<std::byte>> exchange(std::span<const Parcel> outgoing,
                                               std::span<const Arrival> incoming) override;

 private:
  template <class Work>
  void timed(Call call, const Work& work);

  distributed::Communicator& inner_;
  std::vector<Call> calls_;
};

}  // namespace heavykeys::bench
