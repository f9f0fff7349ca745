// Ranks as threads.
#include "distributed/world.hpp"
#include "support/in_process.hpp"

namespace world {

namespace {

World make(int ranks, const support::InProcessOptions& options, const std::string& how) {
  const auto run = [ranks, options](const Body& body) {
    std::vector<std::string> texts(static_cast<std::size_t>(ranks));
    const auto on_rank = [&](Communicator& comm) {
      texts[static_cast<std::size_t>(comm.rank())] = outcome([&] { return body(comm); });
    };
    support::run_ranks(ranks, on_rank, options);
    return listed(texts);
  };
  return {ranks, std::to_string(ranks) + " threads" + how, run};
}

}  // namespace

const std::vector<World>& worlds() {
  static const std::vector<World> all = [] {
    std::vector<World> made;
    for (const int ranks : {1, 2, 3, 5, 7}) made.push_back(make(ranks, {}, ""));
    return made;
  }();
  return all;
}

const std::vector<World>& all_worlds() {
  static const std::vector<World> all = [] {
    std::vector<World> made = worlds();
    for (const int ranks : {2, 3, 7}) made.push_back(make(ranks, {.delays = 17}, " with delays"));
    made.push_back(make(16, {.delays = 5}, " with delays"));
    return made;
  }();
  return all;
}

bool separate_processes() { return false; }

}  // namespace world
