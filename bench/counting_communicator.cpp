#include "bench/counting_communicator.hpp"

#include <time.h>

#include "bench/timing.hpp"

namespace heavykeys::bench {

namespace {

std::uint64_t words(std::size_t bytes) { return (bytes + 7) / 8; }

}  // namespace

double thread_cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// `work` fills in what is only known afterwards.
template <class Work>
void CountingCommunicator::timed(Call call, const Work& work) {
  const double start = thread_cpu_seconds();
  call.wall_seconds = seconds_of([&] { work(call); });
  call.cpu_seconds = thread_cpu_seconds() - start;
  calls_.push_back(call);
}

void CountingCommunicator::all_max(std::span<std::int64_t> values) {
  timed({Operation::all_max, 1, values.size(), values.size(), 0, 0}, [&](Call&) { inner_.all_max(values); });
}

void CountingCommunicator::all_sum(std::span<std::uint64_t> sums, std::size_t limbs) {
  timed({Operation::all_sum, limbs, sums.size(), sums.size(), 0, 0},
        [&](Call&) { inner_.all_sum(sums, limbs); });
}

std::vector<std::vector<std::byte>> CountingCommunicator::gather(std::span<const std::byte> mine,
                                                                 std::optional<int> root) {
  std::vector<std::vector<std::byte>> parts;
  timed({Operation::gather, 1, 1 + words(mine.size()), static_cast<std::uint64_t>(size()), 0, 0},
        [&](Call& call) {
          parts = inner_.gather(mine, root);
          for (const auto& part : parts) call.words_in += words(part.size());
        });
  return parts;
}

std::vector<std::vector<std::byte>> CountingCommunicator::exchange(std::span<const Parcel> outgoing,
                                                                   std::span<const Arrival> incoming) {
  std::vector<std::vector<std::byte>> arrived;
  timed({Operation::exchange, 1, 0, 0, 0, 0}, [&](Call& call) {
    arrived = inner_.exchange(outgoing, incoming);
    for (const Parcel& parcel : outgoing) call.words_out += words(parcel.bytes.size());
    for (const Arrival& arrival : incoming) call.words_in += words(arrival.size);
  });
  return arrived;
}

}  // namespace heavykeys::bench
