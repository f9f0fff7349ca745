// What must not cross the boundary: exceptions, memory that runs out, memory that leaks, one thread's errors.
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <new>
#include <stdexcept>
#include <thread>

#include "heavykeys/error.hpp"
#include "support/sketches.hpp"
#include "tests/c/handles.hpp"

namespace {

std::atomic<long> g_allocations_left{-1};  // negative: none fails
std::atomic<long> g_live{0};               // allocations that were not freed

void* allocate(std::size_t size, std::size_t alignment) {
  if (g_allocations_left >= 0 && g_allocations_left.fetch_sub(1) == 0) throw std::bad_alloc();
  size = size == 0 ? alignment : (size + alignment - 1) / alignment * alignment;
  void* p = std::aligned_alloc(alignment, size);
  if (p == nullptr) throw std::bad_alloc();
  ++g_live;
  return p;
}

void release(void* p) noexcept {
  if (p != nullptr) --g_live;
  std::free(p);
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t a) {
  return allocate(size, static_cast<std::size_t>(a));
}
// As the standard library's own, which under a sanitizer is the sanitizer's.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return operator new(size);
  } catch (...) {
    return nullptr;
  }
}
void operator delete(void* p) noexcept { release(p); }
void operator delete(void* p, std::size_t) noexcept { release(p); }
void operator delete(void* p, std::align_val_t) noexcept { release(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { release(p); }

namespace {

using namespace c_tests;

struct Keys {
  std::vector<double> values;
  explicit Keys(std::size_t n) {
    support::Random random(5);
    for (std::size_t i = 0; i < 3 * n; ++i) values.push_back(random.gaussian());
  }
  heavykeys_rows rows(std::size_t begin, std::size_t count) const {
    return c_rows(heavykeys::rows(values.data() + 3 * begin, count, 3, begin));
  }
};

Sketch make_sketch(const heavykeys_rows& rows, const heavykeys_options* options) {
  const heavykeys_spec spec = c_spec(support::make_spec(3, 0.1), "power:2");
  Sketch sketch = made<heavykeys_sketch>(heavykeys_sketch_create, &spec);
  ok(heavykeys_sketch_absorb(sketch.get(), &rows, options));
  return sketch;
}

/// Every allocation of the call fails once: it says so, and nothing stays behind of what it had begun.
/// `undone`: looks at what the call was to leave alone. The call's last run goes well. Returns the failures.
long every_failure(const std::function<heavykeys_status()>& call, const std::function<void()>& undone) {
  for (long failures = 0;; ++failures) {
    const long before = g_live;
    g_allocations_left = failures;
    const heavykeys_status status = call();
    g_allocations_left = -1;
    const long after = g_live;
    if (status == HEAVYKEYS_OK) return failures;
    REQUIRE(status == HEAVYKEYS_OUT_OF_MEMORY);
    REQUIRE(heavykeys_last_error() == std::string("out of memory"));
    REQUIRE(after == before);
    undone();
  }
}

/// For calls that make a T: *out stays null. What the last run makes must be freed to the last byte.
template <class T, class Function, class... Arguments>
long every_failure_of_making(Function function, Arguments... arguments) {
  made<T>(function, arguments...);  // what a first call leaves behind (tables) is no leak
  const long before = g_live;
  T* out = nullptr;
  const long failures =
      every_failure([&] { return function(arguments..., &out); }, [&] { REQUIRE(out == nullptr); });
  REQUIRE(out != nullptr);
  Destroy()(out);
  REQUIRE(g_live == before);
  return failures;
}

}  // namespace

TEST_CASE("out of memory is a status; sketches are as they were, and nothing leaks") {
  const Keys keys(60);
  const heavykeys_options options = c_options(HEAVYKEYS_ENGINE_ONE_CORE);
  const heavykeys_rows first = keys.rows(0, 20), second = keys.rows(20, 40);
  const Sketch start = make_sketch(first, &options), rest = make_sketch(second, &options);
  const Sketch whole = made<heavykeys_sketch>(heavykeys_sketch_clone, start.get());
  ok(heavykeys_sketch_absorb(whole.get(), &second, &options));
  const std::vector<std::byte> before = bytes_of(start.get()), after = bytes_of(whole.get());

  const std::vector<std::function<heavykeys_status(heavykeys_sketch*)>> changes{
      [&](heavykeys_sketch* s) { return heavykeys_sketch_absorb(s, &second, &options); },
      [&](heavykeys_sketch* s) { return heavykeys_sketch_merge(s, rest.get()); }};
  for (const auto& change : changes) {
    const Sketch sketch = made<heavykeys_sketch>(heavykeys_sketch_clone, start.get());
    const long failures = every_failure([&] { return change(sketch.get()); },
                                        [&] { REQUIRE(bytes_of(sketch.get()) == before); });
    REQUIRE(failures > 5);
    REQUIRE(bytes_of(sketch.get()) == after);
  }
}

TEST_CASE("out of memory while something is made: nothing is handed out, and nothing leaks") {
  const Keys keys(60);
  const heavykeys_options one_core = c_options(HEAVYKEYS_ENGINE_ONE_CORE);
  const heavykeys_options* options = &one_core;
  const heavykeys_rows all = keys.rows(0, 60), some = keys.rows(0, 10);
  const heavykeys_spec spec = c_spec(support::make_spec(3, 0.1), "power:2");
  const Sketch sketch = make_sketch(all, options);
  const Set set = made<heavykeys_universal_set>(heavykeys_sketch_finalize, sketch.get(), options);
  const std::vector<std::byte> bytes = bytes_of(sketch.get());
  const heavykeys_mode mode = HEAVYKEYS_NO_FALSE_NEGATIVES;

  REQUIRE(every_failure_of_making<heavykeys_sketch>(heavykeys_sketch_create, &spec) > 1);
  REQUIRE(every_failure_of_making<heavykeys_sketch>(heavykeys_sketch_clone, sketch.get()) > 1);
  REQUIRE(every_failure_of_making<heavykeys_sketch>(heavykeys_sketch_from_bytes, bytes.data(), bytes.size()) >
          3);
  REQUIRE(every_failure_of_making<heavykeys_universal_set>(heavykeys_sketch_finalize, sketch.get(), options) >
          3);
  REQUIRE(every_failure_of_making<heavykeys_entries>(heavykeys_heavy_entries, set.get(), &some, mode, 0.0,
                                                     options) > 3);
  REQUIRE(every_failure_of_making<heavykeys_causal>(heavykeys_causal_create, &spec, &some, 60, mode, 0.0) >
          1);
  REQUIRE(every_failure_of_making<heavykeys_scan>(heavykeys_scan_create, "softmax", 0.1, &some, 60, 0, mode) >
          1);

  const std::string path = (std::filesystem::temp_directory_path() / "heavykeys_c_boundary.").string() +
                           std::to_string(::getpid());
  ok(heavykeys_sketch_save(sketch.get(), path.c_str()));
  REQUIRE(every_failure_of_making<heavykeys_sketch>(heavykeys_sketch_load, path.c_str()) > 3);
  std::filesystem::remove(path);

  std::uint8_t* made_bytes = nullptr;
  std::uint64_t size = 77;
  const long failures =
      every_failure([&] { return heavykeys_sketch_to_bytes(sketch.get(), &made_bytes, &size); },
                    [&] {
                      REQUIRE(made_bytes == nullptr);
                      REQUIRE(size == 77);
                    });
  REQUIRE(failures > 3);
  REQUIRE(size == bytes.size());
  REQUIRE(std::memcmp(made_bytes, bytes.data(), size) == 0);
  heavykeys_bytes_destroy(made_bytes);
}

TEST_CASE("entries that could not be handed out for want of memory are not lost") {
  const Keys keys(60);
  const heavykeys_options options = c_options(HEAVYKEYS_ENGINE_ONE_CORE);
  const heavykeys_rows all = keys.rows(0, 60), some = keys.rows(0, 10);
  const heavykeys_spec spec = c_spec(support::make_spec(3, 0.1), "power:2");
  const heavykeys_mode mode = HEAVYKEYS_NO_FALSE_NEGATIVES;
  heavykeys_entries* entries = nullptr;
  const auto untouched = [&] { REQUIRE(entries == nullptr); };

  const Scan scan = made<heavykeys_scan>(heavykeys_scan_create, "power:2", 0.1, &some, 60, 1, mode);
  ok(heavykeys_scan_absorb(scan.get(), &all, &options));
  REQUIRE(every_failure([&] { return heavykeys_scan_finish(scan.get(), &entries); }, untouched) > 1);
  const Entries scanned(entries);
  entries = nullptr;
  const Causal causal = made<heavykeys_causal>(heavykeys_causal_create, &spec, &some, 60, mode, 0.0);
  ok(heavykeys_causal_absorb(causal.get(), &all, &options));
  REQUIRE(every_failure([&] { return heavykeys_causal_finish(causal.get(), &entries); }, untouched) > 1);
  const Entries passed(entries);
  REQUIRE(entries_of(scanned).keys == entries_of(passed).keys);
  REQUIRE(entries_of(passed).keys.size() > 3);
}

TEST_CASE("on many threads, too, out of memory is a status and changes nothing") {
  const Keys keys(200);
  const heavykeys_rows first = keys.rows(0, 5), rest = keys.rows(5, 195), all = keys.rows(0, 200);
  const std::vector<std::byte> want = bytes_of(make_sketch(all, nullptr).get());
  for (const heavykeys_engine engine : engines()) {
    const heavykeys_options options = c_options(engine, 3);
    // Threads are started where memory is left: oneTBB 2021.8 waits for ever when it runs out in there.
    REQUIRE(bytes_of(make_sketch(all, &options).get()) == want);
    const Sketch sketch = make_sketch(first, &options);
    const std::vector<std::byte> before = bytes_of(sketch.get());
    long failures = 0;
    for (;; ++failures) {
      g_allocations_left = failures;
      const heavykeys_status status = heavykeys_sketch_absorb(sketch.get(), &rest, &options);
      g_allocations_left = -1;
      if (status == HEAVYKEYS_OK) break;
      REQUIRE(status == HEAVYKEYS_OUT_OF_MEMORY);
      REQUIRE(bytes_of(sketch.get()) == before);
    }
    REQUIRE(failures > 5);
    REQUIRE(bytes_of(sketch.get()) == want);
  }
}

TEST_CASE("no exception leaves: a report that throws ends its call with INTERNAL, and nothing has changed") {
  const Keys keys(20000);
  const heavykeys_rows some = keys.rows(0, 10), rest = keys.rows(10, 19990);
  for (const heavykeys_engine engine : engines()) {
    heavykeys_options options = c_options(engine, 2);
    const Sketch sketch = make_sketch(some, &options);
    const std::vector<std::byte> before = bytes_of(sketch.get());
    options.report_seconds = 0.0;
    options.report = [](const char*, double, void*) -> std::int32_t {
      throw std::runtime_error("from the report");
    };
    REQUIRE(heavykeys_sketch_absorb(sketch.get(), &rest, &options) == HEAVYKEYS_INTERNAL);
    REQUIRE(heavykeys_last_error() == std::string("from the report"));
    options.report = [](const char*, double, void*) -> std::int32_t { throw 5; };
    REQUIRE(heavykeys_sketch_absorb(sketch.get(), &rest, &options) == HEAVYKEYS_INTERNAL);
    REQUIRE(heavykeys_last_error() == std::string("an exception of unknown type"));
    // Also where it throws what our own calls throw, or what they turn into another status.
    options.report = [](const char*, double, void*) -> std::int32_t { throw heavykeys::Corrupt("its own"); };
    REQUIRE(heavykeys_sketch_absorb(sketch.get(), &rest, &options) == HEAVYKEYS_INTERNAL);
    REQUIRE(heavykeys_last_error() == std::string("its own"));
    options.report = [](const char*, double, void*) -> std::int32_t { throw std::length_error("too long"); };
    REQUIRE(heavykeys_sketch_absorb(sketch.get(), &rest, &options) == HEAVYKEYS_INTERNAL);
    REQUIRE(heavykeys_last_error() == std::string("too long"));
    options.report = [](const char*, double, void*) -> std::int32_t { throw std::bad_alloc(); };
    REQUIRE(heavykeys_sketch_absorb(sketch.get(), &rest, &options) == HEAVYKEYS_INTERNAL);
    REQUIRE(heavykeys_last_error() == std::string("std::bad_alloc"));
    options.report = [](const char*, double, void*) -> std::int32_t { return -1; };
    REQUIRE(heavykeys_sketch_absorb(sketch.get(), &rest, &options) == HEAVYKEYS_CANCELLED);
    REQUIRE(bytes_of(sketch.get()) == before);
  }
}

TEST_CASE("every long call can be watched, and ended") {
  const Keys keys(20000);
  heavykeys_options options = c_options(HEAVYKEYS_ENGINE_ONE_CORE);
  const heavykeys_rows all = keys.rows(0, 20000), queries = keys.rows(0, 400);
  const heavykeys_spec spec = c_spec(support::make_spec(3, 0.1), "power:2");
  const Sketch sketch = make_sketch(all, &options);
  const Set set = made<heavykeys_universal_set>(heavykeys_sketch_finalize, sketch.get(), &options);
  const Causal causal = made<heavykeys_causal>(heavykeys_causal_create, &spec, &queries, 20000,
                                               HEAVYKEYS_NO_FALSE_NEGATIVES, 0.0);
  const Scan scan = made<heavykeys_scan>(heavykeys_scan_create, "softmax", 0.1, &queries, 20000, 0, 0);
  std::string seen;
  options.report_seconds = 0.0;
  options.user = &seen;
  options.report = [](const char* call, double, void* user) -> std::int32_t {
    *static_cast<std::string*>(user) = call;
    return 1;
  };
  heavykeys_universal_set* no_set = nullptr;
  heavykeys_entries* no_entries = nullptr;
  const std::vector<std::function<heavykeys_status()>> calls{
      [&] { return heavykeys_sketch_finalize(sketch.get(), &options, &no_set); },
      [&] { return heavykeys_heavy_entries(set.get(), &queries, 0, 0.0, &options, &no_entries); },
      [&] { return heavykeys_causal_absorb(causal.get(), &all, &options); },
      [&] { return heavykeys_scan_absorb(scan.get(), &all, &options); }};
  for (const auto& call : calls) {
    seen.clear();
    REQUIRE(call() == HEAVYKEYS_CANCELLED);
    REQUIRE_FALSE(seen.empty());
  }
  REQUIRE(no_set == nullptr);
  REQUIRE(no_entries == nullptr);
  REQUIRE(answer<std::uint64_t>(heavykeys_scan_next_row, scan) == 0);
}

TEST_CASE("errors are each thread's own, one set serves many threads, and sketches are independent") {
  const Keys keys(500);
  const heavykeys_rows all = keys.rows(0, 500), queries = keys.rows(0, 50);
  const Sketch sketch = make_sketch(all, nullptr);
  const heavykeys_options* none = nullptr;
  const Set set = made<heavykeys_universal_set>(heavykeys_sketch_finalize, sketch.get(), none);
  const heavykeys::HeavyEntries want =
      entries_of(made<heavykeys_entries>(heavykeys_heavy_entries, set.get(), &queries, 0, 0.0, none));
  const std::vector<std::byte> bytes = bytes_of(sketch.get());
  REQUIRE(heavykeys_sketch_row_count(nullptr, nullptr) == HEAVYKEYS_INVALID_INPUT);
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {  // no REQUIRE in here: Catch is one thread's
      if (std::string(heavykeys_last_error()) != "") return;
      const std::string score = "unknown" + std::to_string(t);
      heavykeys_spec spec;
      heavykeys_sketch *bad = nullptr, *own = nullptr;
      heavykeys_entries* found = nullptr;
      heavykeys_spec_init(&spec, sizeof spec);
      spec.dim = 3, spec.epsilon = 0.1, spec.score = score.c_str();
      for (int i = 0; i < 20; ++i) {
        if (heavykeys_sketch_create(&spec, &bad) != HEAVYKEYS_INVALID_INPUT) return;
        if (std::string(heavykeys_last_error()).find(score) == std::string::npos) return;
        if (heavykeys_heavy_entries(set.get(), &queries, 0, 0.0, nullptr, &found) != HEAVYKEYS_OK) return;
        std::uint64_t count = 0;
        heavykeys_entries_count(found, &count);
        heavykeys_entries_destroy(found);
        if (count != want.keys.size()) return;
        if (heavykeys_sketch_from_bytes(bytes.data(), bytes.size(), &own) != HEAVYKEYS_OK) return;
        heavykeys_sketch_destroy(own);
      }
      ++right;
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(right == 4);
  REQUIRE(heavykeys_last_error() == std::string("sketch is NULL"));
}
