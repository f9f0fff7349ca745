// A writer absorbs while readers finalize and weigh queries: what they see is the state after some of the
// pushes.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <map>
#include <span>
#include <string>
#include <thread>

#include "concurrency/calls.hpp"
#include "heavykeys/monitor.hpp"
#include "heavykeys/shared.hpp"

using namespace heavykeys;

namespace {

constexpr std::size_t kRows = 1200, kDim = 5, kPush = 30;

struct Stream {
  support::Matrix keys;
  Spec spec = support::make_spec(kDim, 0.05);

  Stream() {
    support::Random random(17);
    keys = engines::planted(kRows, kDim, random);
  }
  Rows rows(std::size_t begin, std::size_t count) const {
    return heavykeys::rows(keys.row(begin), count, kDim, begin);
  }
};

/// Bytes of the sketch and of the answers, after each number of rows that a reader can meet.
using Expected = std::map<std::uint64_t, std::vector<std::byte>>;

std::vector<std::byte> answer(const Sketch& sketch, const Rows& queries) {
  std::vector<std::byte> out = to_bytes(sketch);
  const UniversalSet set = finalize(sketch);
  concurrency::put(out, concurrency::bytes_of(set));
  concurrency::put(out, concurrency::bytes_of(heavy_entries(set, queries)));
  return out;
}

Expected expected(const Stream& stream) {
  Expected all;
  Sketch sketch(stream.spec);
  for (std::size_t at = 0;; at += kPush) {
    all[at] = answer(sketch, stream.rows(0, 20));
    if (at == kRows) return all;
    streaming::absorb(sketch, stream.rows(at, kPush));
  }
}

}  // namespace

TEST_CASE("readers of a shared sketch see whole pushes while a writer goes on") {
  const Stream stream;
  const Expected want = expected(stream);
  for (const auto schedule : engines::built()) {
    Shared<Sketch> sketch{Sketch(stream.spec)};
    std::atomic<bool> done{false};
    std::atomic<int> wrong{0}, read{0}, before_the_end{0};
    const auto watch = [&](bool in_place) {
      while (!done) {
        const auto check = [&](const Sketch& state) {
          if (answer(state, stream.rows(0, 20)) != want.at(state.row_count())) ++wrong;
          if (state.row_count() < kRows) ++before_the_end;
        };
        if (in_place) {
          sketch.read(check);  // the writer waits
        } else {
          check(sketch.snapshot());
        }
        ++read;
      }
    };
    std::vector<std::thread> readers;
    for (int r = 0; r < 3; ++r) readers.emplace_back(watch, r == 0);
    while (read < 3) std::this_thread::yield();
    const engines::Engine engine{schedule, 2};
    for (std::size_t at = 0; at < kRows; at += kPush) {
      sketch.change([&](Sketch& s) { engine.absorb(s, stream.rows(at, kPush)); });
    }
    done = true;
    for (std::thread& reader : readers) reader.join();
    INFO(engine.name());
    CHECK(wrong == 0);
    CHECK(before_the_end > 0);
    CHECK(answer(sketch.snapshot(), stream.rows(0, 20)) == want.at(kRows));
  }
}

TEST_CASE("one universal set serves many threads") {
  const Stream stream;
  const UniversalSet set = finalize(support::absorbed(stream.spec, stream.rows(0, kRows)));
  const std::vector<std::byte> want = concurrency::bytes_of(heavy_entries(set, stream.rows(0, 200)));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i)
        wrong += concurrency::bytes_of(heavy_entries(set, stream.rows(0, 200))) != want;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("many writers of one sketch, each with a stream of its own") {
  const Stream stream;
  Shared<Sketch> sketch{Sketch(stream.spec)};
  std::vector<std::thread> writers;
  for (std::uint64_t w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      for (std::size_t at = 0; at < 300; at += kPush) {
        Rows rows = stream.rows(at, kPush);
        rows.stream = w;
        sketch.change([&](Sketch& s) { streaming::absorb(s, rows); });
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  Sketch want(stream.spec);
  for (std::uint64_t w = 4; w-- > 0;) {
    Rows rows = stream.rows(0, 300);
    rows.stream = w;
    streaming::absorb(want, rows);
  }
  CHECK(support::difference(sketch.snapshot(), want).empty());
}

TEST_CASE("what a use throws comes through, and the lock is free again") {
  Shared<Sketch> a{Sketch(support::make_spec(3, 0.1))}, b{Sketch(support::make_spec(4, 0.1))};
  CHECK_THROWS_AS(a.change_with(b, [](Sketch& into, const Sketch& from) { merge(into, from); }),
                  Incompatible);
  CHECK_THROWS_AS(
      a.change([](Sketch& s) { streaming::absorb(s, rows(static_cast<const double*>(nullptr), 1, 3)); }),
      InvalidInput);
  CHECK(a.snapshot().row_count() == 0);
}

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

TEST_CASE("a report of progress may not ask the sketch that its call changes") {
  const Stream stream;
  Shared<Sketch> sketch{Sketch(stream.spec)};
  sketch.change([&](Sketch& s) { streaming::absorb(s, stream.rows(0, 600)); });
  int asked = 0;
  const auto row_count = [&] { return sketch.read([](const Sketch& s) { return s.row_count(); }); };
  const Monitor monitor([&](const Progress&) { return ++asked, row_count() == 600; },
                        std::chrono::nanoseconds(0));
  sketch.read([](const Sketch& s) { return finalize(s); });
  CHECK(asked > 0);
  CHECK_THROWS_AS(sketch.change([&](Sketch& s) { streaming::absorb(s, stream.rows(600, 600)); }),
                  InvalidInput);
  CHECK(row_count() == 600);
}
