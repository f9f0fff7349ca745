#include "bench/distributed_large.hpp"

#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/timing.hpp"
#include "heavykeys/mpi.hpp"

namespace heavykeys::bench {

namespace {

using distributed::Communicator;
using distributed::MpiCommunicator;

/// What rank r has at place i. Full words, so that sums carry.
std::uint64_t word_at(std::uint64_t r, std::uint64_t i) { return (i + 1) * 0x9e3779b97f4a7c15u ^ (r << 63); }

void require(bool right, const std::string& what, std::uint64_t place) {
  if (!right) throw std::runtime_error(what + ": word " + std::to_string(place) + " is wrong");
}

/// The sum over all ranks of the integers at word_at, two words each.
double sum(MpiCommunicator& comm, std::uint64_t count) {
  std::vector<std::uint64_t> words(count);
  const auto me = static_cast<std::uint64_t>(comm.rank()), ranks = static_cast<std::uint64_t>(comm.size());
  for (std::uint64_t i = 0; i < count; ++i) words[i] = word_at(me, i);
  const double seconds = seconds_of([&] { comm.all_sum(words, 2); });
  for (std::uint64_t i = 0; i < count; i += 2) {
    unsigned __int128 expected = 0;
    for (std::uint64_t r = 0; r < ranks; ++r)
      expected += (static_cast<unsigned __int128>(word_at(r, i + 1)) << 64) | word_at(r, i);
    require(words[i] == static_cast<std::uint64_t>(expected), "all_sum", i);
    require(words[i + 1] == static_cast<std::uint64_t>(expected >> 64), "all_sum", i + 1);
  }
  return seconds;
}

std::vector<std::byte> made(std::uint64_t rank, std::uint64_t count) {
  std::vector<std::byte> bytes(count * 8);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t word = word_at(rank, i);
    std::memcpy(bytes.data() + 8 * i, &word, 8);
  }
  return bytes;
}

void compare(const std::string& what, const std::vector<std::byte>& bytes, std::uint64_t rank,
             std::uint64_t count) {
  if (bytes.size() != 8 * count) throw std::runtime_error(what + ": a part of another size");
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + 8 * i, 8);
    require(word == word_at(rank, i), what, i);
  }
}

/// Rank 0 hands in `count` words, the others a few.
double gather(MpiCommunicator& comm, std::uint64_t count) {
  const auto words_of = [&](std::uint64_t rank) { return rank == 0 ? count : 3 * rank; };
  const auto me = static_cast<std::uint64_t>(comm.rank());
  std::vector<std::vector<std::byte>> parts;
  const std::vector<std::byte> mine = made(me, words_of(me));
  const double seconds = seconds_of([&] { parts = comm.gather(mine); });
  for (std::uint64_t r = 0; r < parts.size(); ++r) compare("gather", parts[r], r, words_of(r));
  return seconds;
}

/// From rank 0 to rank 1.
double exchange(MpiCommunicator& comm, std::uint64_t count) {
  std::vector<Communicator::Parcel> outgoing;
  std::vector<Communicator::Arrival> incoming;
  if (comm.rank() == 0) outgoing.push_back({1, made(0, count)});
  if (comm.rank() == 1) incoming.push_back({0, count * 8});
  std::vector<std::vector<std::byte>> arrived;
  const double seconds = seconds_of([&] { arrived = comm.exchange(outgoing, incoming); });
  if (comm.rank() == 1) compare("exchange", arrived.at(0), 0, count);
  return seconds;
}

nlohmann::json all_three(MPI_Comm world, std::uint64_t count, std::size_t most_bytes) {
  MpiCommunicator comm(world, most_bytes);
  nlohmann::json result = {{"bytes", count * 8}, {"most_bytes", most_bytes}};
  result["all_sum_seconds"] = sum(comm, count);
  result["gather_seconds"] = gather(comm, count);
  result["exchange_seconds"] = exchange(comm, count);
  return result;
}

}  // namespace

nlohmann::json exercise_large_messages(MPI_Comm world) {
  int ranks = 0;
  MPI_Comm_size(world, &ranks);
  if (ranks < 2) throw std::runtime_error("--large needs two ranks or more");
  nlohmann::json results;
  results.push_back(all_three(world, 10'000'000 / 8, 1000));
  results.push_back(all_three(world, 2'200'000'000 / 8, std::size_t{1} << 30));
  return results;
}

}  // namespace heavykeys::bench
