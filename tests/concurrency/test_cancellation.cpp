// Every long call, ended early at every step: nothing has changed, and the same call then gives the same
// bytes.
#include <catch2/catch.hpp>
#include <thread>

#include "concurrency/calls.hpp"

using namespace heavykeys;
using concurrency::Call;
using concurrency::Try;

namespace {

constexpr std::chrono::nanoseconds kAlways(0);

/// Ends the call at step `number`. True when there was that step.
bool ended_at(long number, const Try& one) {
  const Monitor monitor([&](const Progress&) { return number-- > 0; }, kAlways);
  try {
    one.run();
  } catch (const Cancelled&) {
    REQUIRE(monitor.cancelled());
    return true;
  }
  REQUIRE_FALSE(monitor.cancelled());
  return false;
}

/// All steps of short calls; of long ones every first, and then one in `stride`.
std::size_t end_everywhere(const Call& call) {
  const Try plain = call.start();
  plain.run();
  const std::vector<std::byte> want = plain.result();
  std::size_t ended = 0;
  for (long step = 0;; step += step < 60 ? 1 : 37) {
    INFO(call.name << ", ended at step " << step);
    const Try one = call.start();
    const std::vector<std::byte> before = one.state();
    if (!ended_at(step, one)) break;
    ++ended;
    REQUIRE(one.state() == before);
    one.run();
    REQUIRE(one.result() == want);
  }
  return ended;
}

}  // namespace

TEST_CASE("a cancelled call changes nothing and can be made again, on one thread") {
  for (const Call& call : concurrency::calls({})) {
    INFO(call.name);
    CHECK(end_everywhere(call) >= call.least_steps);
  }
}

TEST_CASE("a cancelled call changes nothing and can be made again, on many threads") {
  for (const auto schedule : engines::built()) {
    if (schedule == engines::Schedule::streaming) continue;
    for (const Call& call : concurrency::calls({schedule, 3})) {
      INFO(call.name);
      CHECK(end_everywhere(call) >= 1);  // which thread has how many steps is chance
    }
  }
}

TEST_CASE("a stop is heard whichever thread asks, and ends all later calls under the monitor") {
  for (const auto schedule : engines::built()) {
    for (const Call& call : concurrency::calls({schedule, 2})) {
      INFO(call.name);
      std::stop_source source;
      const Try one = call.start();
      const std::vector<std::byte> before = one.state();
      {
        const Monitor monitor(source.get_token());
        std::thread([&] { source.request_stop(); }).join();
        CHECK_THROWS_AS(one.run(), Cancelled);
        CHECK_THROWS_AS(one.run(), Cancelled);
        CHECK(monitor.cancelled());
      }
      CHECK(one.state() == before);
      const Try other = call.start();
      one.run();  // nobody watches any more
      other.run();
      CHECK(one.result() == other.result());
    }
  }
}

TEST_CASE("a causal pass that is cancelled keeps the blocks it has passed") {
  support::Random random(3);
  const support::Matrix m = engines::planted(300, 4, random);
  const Rows all = rows(m.row(0), 300, 4);
  const Spec spec = support::make_spec(4, 0.05);
  CausalHeavy whole(spec, all, 300);
  whole.absorb(all);
  const HeavyEntries want = whole.finish();
  std::size_t ended = 0, partial = 0;
  for (long step = 0;; ++step) {
    CausalHeavy pass(spec, all, 300);
    long left = step;
    try {
      const Monitor monitor([&](const Progress&) { return left-- > 0; }, kAlways);
      pass.absorb(all);
      break;
    } catch (const Cancelled&) {
      ++ended;
    }
    const std::uint64_t next = pass.next_row();
    if (next > 0 && next < 300) ++partial;
    pass.absorb(all.slice(next, 300 - next));
    REQUIRE(pass.finish() == want);
  }
  CHECK(ended > 20);
  CHECK(partial > 10);
}
