// What a monitor reports.
#include <catch2/catch.hpp>
#include <cstring>
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
      for (std::size_t i = 1; i < seen.size(); ++i) {
        REQUIRE_FALSE(seen[i].call.empty());
        // A new call begins anew: at the least fraction there is, one step of it.
        if (seen[i].fraction < seen[i - 1].fraction) REQUIRE(seen[i].fraction <= 0.5);
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

TEST_CASE("monitors nest, belong to their thread, and a report may call verbs itself") {
  support::Random random(5);
  const support::Matrix m = engines::planted(160, 3, random);
  const auto absorbed = [&] {
    return to_bytes(support::absorbed(support::make_spec(3, 0.1), rows(m.row(0), 160, 3)));
  };
  const auto want = absorbed();
  int outer = 0, inner = 0;
  const Monitor first([&](const Progress&) { return ++outer, true; }, kAlways);
  {
    const Monitor second(
        [&](const Progress&) {
          if (++inner == 1) CHECK(absorbed() == want);
          return inner < 1000;
        },
        kAlways);
    CHECK(absorbed() == want);
    CHECK(inner >= 10);
    CHECK(outer == inner);
    std::thread([&] { CHECK(absorbed() == want); }).join();
    CHECK(outer == inner);  // another thread's calls are not watched
    inner = 1000;
    CHECK_THROWS_AS(absorbed(), Cancelled);
  }
  CHECK_FALSE(first.cancelled());
  CHECK(absorbed() == want);
}
