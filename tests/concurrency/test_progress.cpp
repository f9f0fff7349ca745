// What a monitor reports.
#include <catch2/catch.hpp>
#include <cstring>
#include <set>
#include <stdexcept>
#include <thread>

#include "concurrency/calls.hpp"

using namespace heavykeys;
using concurrency::Call;

namespace {

constexpr std::chrono::nanoseconds kAlways(0);

struct Seen {
  std::string call;
  double fraction;
};

}  // namespace

TEST_CASE("reports come on the calling thread, rise within a call, and name it") {
  for (const auto schedule : engines::built()) {
    for (const Call& call : concurrency::calls({schedule, 3})) {
      INFO(call.name);
      const concurrency::Try one = call.start();
      std::vector<Seen> seen;
      const auto caller = std::this_thread::get_id();
      {
        const Monitor monitor(
            [&](const Progress& p) {
              REQUIRE(std::this_thread::get_id() == caller);
              REQUIRE((p.fraction >= 0.0 && p.fraction <= 1.0));
              seen.push_back({p.call, p.fraction});
              return true;
            },
            kAlways);
        one.run();
      }
      const concurrency::Try other = call.start();
      other.run();
      CHECK(one.result() == other.result());  // watching changes no byte
      REQUIRE_FALSE(seen.empty());
      std::set<std::string> names;
      for (const Seen& one_report : seen) names.insert(one_report.call);
      CHECK(names.size() == (call.name.starts_with("attend") ? 3 : 1));  // top_keys, attend, attend_backward
      for (std::size_t i = 1; i < seen.size(); ++i) {
        if (seen[i].call == seen[i - 1].call) REQUIRE(seen[i].fraction >= seen[i - 1].fraction);
      }
    }
  }
}

TEST_CASE("an absorb counts its blocks") {
  support::Random random(5);
  const support::Matrix m = engines::planted(160, 3, random);
  Sketch sketch(support::make_spec(3, 0.1));
  std::vector<Seen> seen;
  const Monitor monitor(
      [&](const Progress& p) {
        return seen.push_back({p.call, p.fraction}), true;
      },
      kAlways);
  streaming::absorb(sketch, rows(m.row(0), 160, 3));  // ten blocks of 16
  std::size_t blocks = 0;  // that were reported when they were done; within one, its pruning may report, too
  for (const Seen& one : seen) {
    CHECK(one.call == "absorb");
    blocks += one.fraction == static_cast<double>(blocks + 1) / 10.0;
  }
  CHECK(blocks == 10);
}

TEST_CASE("an interval is kept") {
  support::Random random(5);
  const support::Matrix m = engines::planted(160, 3, random);
  Sketch sketch(support::make_spec(3, 0.1));
  int reports = 0;
  const Monitor monitor([&](const Progress&) { return ++reports, true; }, std::chrono::hours(1));
  streaming::absorb(sketch, rows(m.row(0), 160, 3));
  CHECK(reports == 0);
}

TEST_CASE("what a report throws comes out of the call, which has changed nothing") {
  struct Mine : std::runtime_error {
    using std::runtime_error::runtime_error;
  };
  for (const auto schedule : engines::built()) {
    for (const Call& call : concurrency::calls({schedule, 2})) {
      INFO(call.name);
      const concurrency::Try one = call.start();
      const std::vector<std::byte> before = one.state();
      {
        const Monitor monitor([](const Progress&) -> bool { throw Mine("stop"); }, kAlways);
        CHECK_THROWS_AS(one.run(), Mine);
        CHECK(monitor.cancelled());
      }
      CHECK(one.state() == before);
    }
  }
}

TEST_CASE("a report's own InvalidInput is no answer and gets no prefix") {
  struct Mine : InvalidInput {
    using InvalidInput::InvalidInput;
  };
  for (const auto schedule : engines::built()) {
    for (const Call& call : concurrency::calls({schedule, 7})) {
      INFO(call.name);
      for (int at = 0; at < 12; ++at) {
        int left = at;
        const concurrency::Try one = call.start();
        const Monitor monitor([&](const Progress&) { return left-- > 0 ? true : throw Mine("my own"); },
                              kAlways);
        try {
          one.run();
          CHECK_FALSE(monitor.cancelled());
        } catch (const Mine& error) {
          CHECK(std::strcmp(error.what(), "my own") == 0);
        }
      }
    }
  }
}
