// The ranks that are threads are themselves tested: what they refuse, whom they do not keep waiting, what
// they count. Other tests rely on it.
#include <catch2/catch.hpp>

#include "heavykeys/error.hpp"
#include "support/in_process.hpp"

using heavykeys::distributed::Communicator;
using support::Operation;
using support::RankEnd;

namespace {

std::string text_of(const RankEnd& end) {
  if (!end.error) return {};
  try {
    std::rethrow_exception(end.error);
  } catch (const heavykeys::BackendError& e) {
    return std::string("BackendError: ") + e.what();
  } catch (const std::exception& e) {
    return e.what();
  }
}

/// Every rank throws a BackendError that has all of these in its text.
void refused(int ranks, const support::RankBody& body, const std::vector<std::string>& parts) {
  const auto ends = support::run_ranks(ranks, body);
  for (const RankEnd& end : ends) {
    for (const std::string& part : parts) CHECK_THAT(text_of(end), Catch::Contains(part));
    CHECK_THAT(text_of(end), Catch::Contains("BackendError"));
  }
}

}  // namespace

TEST_CASE("calls that do not match are an error on every rank, which says who called what") {
  refused(3,
          [](Communicator& comm) {
            std::uint64_t words[6] = {};
            if (comm.rank() == 1) {
              comm.gather({});
            } else {
              comm.all_sum(words, 2);
            }
          },
          {"mismatched calls", "rank 0 all_sum of 6 words in integers of 2", "rank 1 gather to all"});
  refused(2,
          [](Communicator& comm) {
            std::vector<std::int64_t> values(static_cast<std::size_t>(3 + comm.rank()));
            comm.all_max(values);
          },
          {"mismatched calls", "rank 0 all_max of 3", "rank 1 all_max of 4"});
  refused(2,
          [](Communicator& comm) {
            std::uint64_t words[6] = {};
            comm.all_sum(words, comm.rank() == 0 ? 2 : 3);
          },
          {"mismatched calls", "integers of 2", "integers of 3"});
  refused(2, [](Communicator& comm) { comm.gather({}, comm.rank()); },
          {"mismatched calls", "rank 0 gather to 0", "rank 1 gather to 1"});
  refused(3,
          [](Communicator& comm) {
            std::uint64_t words[3] = {};
            comm.all_sum(words, 2);
          },
          {"mismatched calls"});
}

TEST_CASE("parcels that nobody announced, or of another size, or to oneself, are an error") {
  using Parcel = Communicator::Parcel;
  using Arrival = Communicator::Arrival;
  const auto one_way = [](const Parcel& parcel, const std::vector<Arrival>& incoming) {
    return [=](Communicator& comm) {
      if (comm.rank() == 0) {
        comm.exchange(std::vector<Parcel>{parcel}, {});
      } else {
        comm.exchange({}, incoming);
      }
    };
  };
  const std::vector<std::byte> four(4);
  CHECK(text_of(support::run_ranks(2, one_way({1, four}, {{0, 4}}))[1]) == "");
  refused(2, one_way({1, four}, {}), {"mismatched calls", "rank 0 exchange 4 bytes to 1"});
  refused(2, one_way({1, four}, {{0, 5}}), {"mismatched calls", "5 bytes from 0"});
  refused(2, one_way({0, four}, {}), {"mismatched calls"});
  refused(2, one_way({2, four}, {}), {"mismatched calls"});
  refused(2, one_way({1, four}, {{0, 4}, {0, 4}}), {"mismatched calls"});
  refused(2,
          [](Communicator& c) {
            c.exchange({}, std::vector<Arrival>{{1 - c.rank(), 0}});
          },
          {"mismatched calls"});
}

TEST_CASE("a rank that leaves keeps nobody waiting") {
  for (int leaver = 0; leaver < 5; ++leaver) {
    for (const bool throws : {false, true}) {
      const auto ends = support::run_ranks(5, [&](Communicator& comm) {
        comm.gather({});
        if (comm.rank() == leaver && throws) throw std::runtime_error("its own");
        if (comm.rank() == leaver) return;
        comm.gather({}, 0);
      });
      for (int r = 0; r < 5; ++r) {
        const std::string text = text_of(ends[static_cast<std::size_t>(r)]);
        if (r == leaver) {
          CHECK(text == (throws ? "its own" : ""));
        } else {  // whoever leaves after the first is on its way out for the same reason
          CHECK_THAT(text, Catch::Contains("BackendError") && Catch::Contains("has left") &&
                               Catch::Contains("gather to 0"));
        }
      }
      CHECK_THROWS(support::rethrow(ends));
    }
  }
}

TEST_CASE("a transport that breaks at an operation breaks there") {
  const auto body = [](Communicator& comm) {
    for (int i = 0; i < 3; ++i) comm.gather({});
  };
  const auto ends = support::run_ranks(3, body, {.delays = 3, .fail_at = 2, .fail_rank = 1});
  CHECK(text_of(ends[1]) == "BackendError: the transport of rank 1 broke");
  CHECK_THAT(text_of(ends[0]), Catch::Contains("has left"));
  CHECK(ends[0].traffic.of(Operation::gather).calls == 1);
}

TEST_CASE("words are counted by rank and by operation") {
  const auto ends = support::run_ranks(3, [](Communicator& comm) {
    std::int64_t values[5] = {};
    comm.all_max(values);
    std::uint64_t words[6] = {};
    comm.all_sum(words, 3);
    comm.all_sum(words, 2);
    const std::vector<std::byte> mine(static_cast<std::size_t>(9 * comm.rank()));  // 0, 2 and 3 words
    comm.gather(mine);
    comm.gather(mine, 2);
    std::vector<Communicator::Parcel> out;
    std::vector<Communicator::Arrival> in;
    if (comm.rank() == 0) out.push_back({1, std::vector<std::byte>(17)});
    if (comm.rank() == 1) in.push_back({0, 17});
    comm.exchange(out, in);
  });
  support::rethrow(ends);
  const std::uint64_t gathered[3] = {5, 3, 2 + 2}, own[3] = {0, 2, 3};
  for (std::size_t r = 0; r < 3; ++r) {
    const support::Traffic& t = ends[r].traffic;
    CHECK(t.of(Operation::all_max).sent == 5);
    CHECK(t.of(Operation::all_sum).calls == 2);
    CHECK(t.of(Operation::all_sum).sent == 12);
    CHECK(t.of(Operation::gather).sent == 2 * own[r]);
    CHECK(t.of(Operation::gather).received == gathered[r]);
    CHECK(t.of(Operation::exchange).sent == (r == 0 ? 3 : 0));
    CHECK(t.of(Operation::exchange).received == (r == 1 ? 3 : 0));
    CHECK(t.calls() == 6);
    CHECK(t.sent() == 17 + 2 * own[r] + (r == 0 ? 3 : 0));
  }
}
