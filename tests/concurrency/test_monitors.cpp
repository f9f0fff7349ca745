// The lives of monitors: nested, left in any order and on any thread, made in reports, and what may be called
// under them.
#include <catch2/catch.hpp>
#include <cfenv>
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

TEST_CASE("monitors end in any order, in a report, or on another thread") {
  support::Random random(5);
  const support::Matrix m = engines::planted(160, 3, random);
  const auto absorb = [&] { support::absorbed(support::make_spec(3, 0.1), rows(m.row(0), 160, 3)); };
  int first = 0, second = 0, third = 0;
  const auto counting = [](int& n) { return [&n](const Progress&) { return ++n, true; }; };
  auto a = std::make_unique<Monitor>(counting(first), kAlways);
  auto b = std::make_unique<Monitor>(counting(second), kAlways);
  a.reset();
  absorb();
  CHECK(first == 0);
  const int before = second;
  CHECK(before >= 10);
  std::unique_ptr<Monitor> c;
  c = std::make_unique<Monitor>([&](const Progress&) { return ++third, c.reset(), true; }, kAlways);
  absorb();
  CHECK(third == 1);
  CHECK(second >= 2 * before - 1);
  std::thread([&] { b.reset(); }).join();
  const int after = second;
  absorb();
  CHECK(second == after);
}

TEST_CASE("a monitor made in a report tells of its own calls") {
  support::Random random(5);
  const support::Matrix m = engines::planted(160, 3, random);
  const auto absorb = [&] { support::absorbed(support::make_spec(3, 0.1), rows(m.row(0), 160, 3)); };
  std::vector<Seen> inner;
  bool made = false;
  const Monitor outer(
      [&](const Progress& p) {
        if (made || p.fraction < 0.5) return true;
        made = true;
        const Monitor own(
            [&](const Progress& q) {
              return inner.push_back({q.call, q.fraction}), true;
            },
            kAlways);
        leverage_scores(rows(m.row(0), 160, 3));
        return true;
      },
      kAlways);
  absorb();
  REQUIRE_FALSE(inner.empty());
  CHECK(inner.front().call == "leverage_scores");
}

TEST_CASE("what a cancelled call has left can be stored under the same monitor") {
  support::Random random(5);
  const support::Matrix m = engines::planted(160, 3, random);
  Sketch sketch = support::absorbed(support::make_spec(3, 0.1), rows(m.row(0), 100, 3));
  const std::vector<std::byte> want = to_bytes(sketch);
  const Monitor monitor([](const Progress&) { return false; }, kAlways);
  CHECK_THROWS_AS(streaming::absorb(sketch, rows(m.row(100), 60, 3, 100)), Cancelled);
  CHECK(to_bytes(sketch) == want);
  CHECK(to_bytes(heavykeys::from_bytes(want)) == want);
}

TEST_CASE("a report may leave another rounding mode behind") {
  support::Random random(5);
  const support::Matrix m = engines::planted(2000, 3, random);
  const auto scanned = [&] {
    return concurrency::bytes_of(
        scan(Score::softmax(0.3), 0.001, rows(m.row(0), 20, 3), rows(m.row(0), 2000, 3)));
  };
  const auto want = scanned();
  const Monitor monitor([](const Progress&) { return std::fesetround(FE_UPWARD) == 0; }, kAlways);
  CHECK(scanned() == want);
  volatile double one = 1.0, tiny = 1e-30;
  CHECK(one + tiny == 1.0);  // the caller's mode is its own again
  std::fesetround(FE_TONEAREST);
}
