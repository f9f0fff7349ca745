// Who waits for whom at shared values: fair, never in a circle, and refused where a thread would wait for
// itself.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <span>
#include <thread>
#include <vector>

#include "heavykeys/error.hpp"
#include "heavykeys/shared.hpp"

using namespace heavykeys;

namespace {

/// While it lives, threads read `value`, one beginning before the other ends: a change that does not keep
/// readers from coming in does not get its turn.
class OverlappingReaders {
 public:
  explicit OverlappingReaders(const Shared<int>& value) {
    for (int r = 0; r < 4; ++r) {
      threads_.emplace_back([&] {
        while (!done_) {
          value.read([&](const int&) {
            ++reads_;
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
          });
        }
      });
    }
    while (reads_ < 8) std::this_thread::yield();
  }
  ~OverlappingReaders() {
    done_ = true;
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::atomic<bool> done_{false};
  std::atomic<int> reads_{0};
  std::vector<std::thread> threads_;
};

}  // namespace

// They cannot fail but by waiting for ever, which ctest ends.
TEST_CASE("changes get their turn while readers overlap") {
  Shared<int> a(1), b(2), c(3);
  const OverlappingReaders readers_of_a(a), readers_of_c(c);
  for (int i = 0; i < 5; ++i) {
    a.change([](int& x) { ++x; });
    a.change_with(b, [](int& x, const int& y) { x += y; });
    b.change_with(a, [](int& x, const int& y) { x += y; });
    Shared<int>* const all[] = {&c, &a, &b};
    Shared<int>::change_all(all, [](std::span<int* const> x) { *x[0] += *x[1] + *x[2]; });
  }
  CHECK(a.snapshot() > 1);
  CHECK(c.snapshot() > 3);
}

TEST_CASE("changes of several values, in any order, do not wait for each other in a circle") {
  Shared<int> a(0), b(0), c(0);
  Shared<int>* const values[] = {&a, &b, &c};
  constexpr int kRounds = 20000;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      Shared<int>&x = *values[t % 3], &y = *values[(t + 1 + t / 3) % 3];
      Shared<int>* const all[] = {values[(t + 2) % 3], values[t % 3], values[(t + 1) % 3]};
      for (int i = 0; i < kRounds; ++i) {
        x.change_with(y, [](int& into, const int&) { ++into; });
        Shared<int>::change_all(all, [](std::span<int* const> each) { ++*each[1]; });
        y.read([](const int& value) { return value; });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Shared<int>* value : values) CHECK(value->snapshot() == 4 * kRounds);
}

TEST_CASE("changes of several: in the order given, none twice") {
  Shared<int> a(1), b(2);
  Shared<int>* const there[] = {&a, &b};
  Shared<int>* const back[] = {&b, &a};
  Shared<int>* const twice[] = {&a, &b, &a};
  const auto text = [](std::span<int* const> x) { return std::to_string(*x[0]) + std::to_string(*x[1]); };
  CHECK(Shared<int>::change_all(there, text) == "12");
  CHECK(Shared<int>::change_all(back, text) == "21");
  CHECK(Shared<int>::change_all({}, [](std::span<int* const> x) { return x.size(); }) == 0);
  CHECK_THROWS_AS(Shared<int>::change_all(twice, text), InvalidInput);
  CHECK_THROWS_AS(a.change_with(a, [](int& x, const int&) { ++x; }), InvalidInput);
  CHECK(a.snapshot() == 1);
}

TEST_CASE("a use inside a use of the same value: reads of reads, or InvalidInput") {
  // Static: the thread sanitizer takes locks of two tests at one address for one. `other` is used inside uses
  // of a, never changed together with it, which could wait in a circle (shared.hpp).
  static Shared<int> a(1), b(2), other(2);
  Shared<int>* const both[] = {&b, &a};
  const auto read_a = [&] { return a.read([](const int& x) { return x; }); };
  const auto refused = [&](const auto& inside) {
    CHECK_THROWS_AS(inside(), InvalidInput);
    CHECK_THROWS_AS(a.change([](int& x) { ++x; }), InvalidInput);
    CHECK_THROWS_AS(a.change_with(b, [](int& x, const int&) { ++x; }), InvalidInput);
    CHECK_THROWS_AS(b.change_with(a, [](int& x, const int&) { ++x; }), InvalidInput);
    CHECK_THROWS_AS(Shared<int>::change_all(both, [](std::span<int* const> x) { ++*x[0]; }), InvalidInput);
  };
  const auto change_a = [&] { a.change([](int& x) { ++x; }); };
  a.read([&](const int&) { refused(change_a); });
  a.read([&](const int&) {
    CHECK(read_a() == 1);
    CHECK(other.read([&](const int& y) { return y + a.snapshot() + other.snapshot(); }) == 5);
    a.read([&](const int&) { refused(change_a); });
    refused(change_a);  // the inner reads have left the outer one its lock
  });
  a.change([&](int&) {
    refused(read_a);
    other.change([&](int&) { refused(read_a); });
    refused([&] { return a.snapshot(); });
  });
  a.change_with(b, [&](int&, const int&) {
    refused(read_a);
    refused([&] { return b.snapshot(); });
  });
  Shared<int>::change_all(both, [&](std::span<int* const>) { refused(read_a); });
  // All locks are free again: this thread's list is empty, and another thread gets in.
  change_a();
  std::thread([&] { a.change_with(b, [](int& x, const int& y) { x += y; }); }).join();
  CHECK(read_a() == 4);
  CHECK(b.snapshot() == 2);
}

TEST_CASE("a read inside a read does not wait for a writer that waits for it") {
  Shared<int> a(1);
  std::atomic<bool> asking{false};
  std::thread writer;
  const int read = a.read([&](const int&) {
    writer = std::thread([&] {
      asking = true;
      a.change([](int& x) { x = 2; });
    });
    while (!asking) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // the writer waits, most likely
    return a.snapshot();
  });
  writer.join();
  CHECK(read == 1);
  CHECK(a.snapshot() == 2);
}
