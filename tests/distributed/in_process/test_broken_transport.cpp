// A transport that breaks, at each operation of each verb in turn, on each rank: BackendError where it is
// seen, nobody waits, and a rank whose call has thrown has its sketch as it was.
#include <catch2/catch.hpp>

#include "distributed/law.hpp"
#include "support/in_process.hpp"

using heavykeys::Sketch;
using world::Communicator;

namespace {

struct Verb {
  std::string name;
  std::function<void(Communicator&, Sketch&)> run;
};

const std::vector<Verb>& verbs() {
  using namespace heavykeys::distributed;
  static const std::vector<Verb> all = {
      {"allmerge", [](Communicator& c, Sketch& s) { allmerge(c, s); }},
      {"merge", [](Communicator& c, Sketch& s) { merge(c, s, 0); }},
      {"prefix", [](Communicator& c, Sketch& s) { s = prefix(c, s); }},
      {"collectively", [](Communicator& c, Sketch&) { collectively(c, [] {}); }}};
  return all;
}

}  // namespace

TEST_CASE("a transport that breaks leaves nobody waiting and no sketch half merged") {
  constexpr int ranks = 3;
  const support::Problem p = support::draw(90018, {140, 5});
  for (const heavykeys::Score& score : {heavykeys::Score(), heavykeys::Score::expressive()}) {
    auto spec = p.spec;
    spec.score = score;
    spec.epsilon = 0.2;
    for (const Verb& verb : verbs()) {
      support::Random random(3);
      const law::Hands hands = law::deals()[7].make(p.n(), ranks, spec.block_rows, random);
      std::vector<Sketch> own, done;
      for (const auto& hand : hands) own.push_back(support::absorbed(spec, p.keys.rows(), hand));
      done = own;
      support::rethrow(support::run_ranks(
          ranks, [&](Communicator& comm) { verb.run(comm, done[static_cast<std::size_t>(comm.rank())]); }));
      for (int bad = 0; bad < ranks; ++bad) {
        std::uint64_t at = 1;
        for (bool broke = true; broke; ++at) {
          INFO(verb.name << ", operation " << at << " of rank " << bad << ", " << spec.score.name());
          std::vector<Sketch> mine = own;
          const auto ends = support::run_ranks(
              ranks, [&](Communicator& comm) { verb.run(comm, mine[static_cast<std::size_t>(comm.rank())]); },
              {.delays = at, .fail_at = at, .fail_rank = bad});
          broke = ends[static_cast<std::size_t>(bad)].error != nullptr;
          for (std::size_t r = 0; r < ranks; ++r) {
            const std::string text = law::thrown([&] {
              if (ends[r].error) std::rethrow_exception(ends[r].error);
            });
            const bool kind = text.empty() || text.starts_with("BackendError ");
            CHECK((kind ? "" : text) == "");
            CHECK(support::difference(mine[r], text.empty() ? done[r] : own[r]) == "");
          }
        }
        CHECK(at > 2);
      }
    }
  }
}
