// Ranks that mpirun started, and the main of their tests. All of them run the same test cases in lock-step:
// after every body they exchange what they found, so that an assertion has the same verdict on every rank.
#define CATCH_CONFIG_RUNNER
#include <mpi.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <thread>

#include "distributed/world.hpp"
#include "heavykeys/mpi.hpp"

namespace world {

namespace {

constexpr auto kPatience = std::chrono::seconds(60);

int size_of_job() {
  int size = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}

int own_rank() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

/// Ends the job when the others do not come: they wait in an operation that this rank has left.
void wait_for(MPI_Request& request, const std::string& mine) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (int done = 0;;) {
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    if (done) return;
    if (std::chrono::steady_clock::now() > deadline) {
      std::fprintf(stderr, "rank %d ended with \"%s\", and the others did not come\n", own_rank(),
                   mine.c_str());
      MPI_Abort(MPI_COMM_WORLD, 1);
    }
    std::this_thread::yield();
  }
}

/// Every rank's text, on every rank. Plain MPI: what is tested has no part in the verdict.
std::vector<std::string> agree(const std::string& mine) {
  const int ranks = size_of_job(), length = static_cast<int>(mine.size());
  std::vector<int> lengths(static_cast<std::size_t>(ranks)), offsets(lengths.size());
  MPI_Request request;
  MPI_Iallgather(&length, 1, MPI_INT, lengths.data(), 1, MPI_INT, MPI_COMM_WORLD, &request);
  wait_for(request, mine);
  int total = 0;
  for (std::size_t r = 0; r < lengths.size(); ++r) {
    offsets[r] = total;
    total += lengths[r];
  }
  std::string text(static_cast<std::size_t>(total), ' ');
  MPI_Iallgatherv(mine.data(), length, MPI_CHAR, text.data(), lengths.data(), offsets.data(), MPI_CHAR,
                  MPI_COMM_WORLD, &request);
  wait_for(request, mine);
  std::vector<std::string> texts;
  for (std::size_t r = 0; r < lengths.size(); ++r)
    texts.push_back(text.substr(static_cast<std::size_t>(offsets[r]), static_cast<std::size_t>(lengths[r])));
  return texts;
}

World make(std::size_t most_bytes, const std::string& how) {
  const int ranks = size_of_job();
  const auto run = [most_bytes](const Body& body) {
    return listed(agree(outcome([&] {
      heavykeys::distributed::MpiCommunicator comm(MPI_COMM_WORLD, most_bytes);
      return body(comm);
    })));
  };
  return {ranks, std::to_string(ranks) + " processes" + how, run};
}

constexpr std::size_t kDefault = std::size_t{1} << 30;

}  // namespace

const std::vector<World>& worlds() {
  static const std::vector<World> all = {make(kDefault, "")};
  return all;
}

const std::vector<World>& all_worlds() {
  static const std::vector<World> all = {make(kDefault, ""), make(8, ", 8 bytes a message"),
                                         make(24, ", 24 bytes a message"), make(64, ", 64 bytes a message"),
                                         make(100, ", 100 bytes a message")};
  return all;
}

bool separate_processes() { return true; }

}  // namespace world

/// Rank 0 speaks for all; another rank only when it alone has failed.
int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int failed = 0;
  {
    std::ostringstream muted;
    std::streambuf* const terminal = std::cout.rdbuf();
    if (world::own_rank() != 0) std::cout.rdbuf(muted.rdbuf());
    failed = Catch::Session().run(argc, argv);
    std::cout.rdbuf(terminal);
    const auto verdicts = world::agree(failed == 0 ? "" : "failed");
    if (failed != 0 && verdicts[0].empty())
      std::cerr << "rank " << world::own_rank() << " alone:\n" << muted.str();
    for (const std::string& v : verdicts) failed = v.empty() ? failed : 1;
  }
  MPI_Finalize();
  return failed;
}
