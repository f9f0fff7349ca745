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
