// Every allocation of absorb, merge, finalize, the causal pass, the scan and the verification is made to fail
// once. std::bad_alloc comes through, the sketch is as it was, and the same call then succeeds with the same
// bytes.
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <functional>
#include <new>

#include "heavykeys/heavykeys.hpp"
#include "heavykeys/parallel.hpp"
#include "heavykeys/streaming.hpp"
#include "lib/row_sample.hpp"
#include "support/sketches.hpp"

namespace {

std::atomic<long> g_allocations_left{-1};  // negative: none fails

void* allocate(std::size_t size, std::size_t alignment) {
  if (g_allocations_left >= 0 && g_allocations_left.fetch_sub(1) == 0) throw std::bad_alloc();
  size = size == 0 ? alignment : (size + alignment - 1) / alignment * alignment;
  if (void* p = std::aligned_alloc(alignment, size)) return p;
  throw std::bad_alloc();
}

/// Fails allocation `number` of the call. True when the call made that many and threw std::bad_alloc.
bool fails_at(long number, const std::function<void()>& call) {
  g_allocations_left = number;
  try {
    call();
  } catch (const std::bad_alloc&) {
    g_allocations_left = -1;
    return true;
  }
  g_allocations_left = -1;
  return false;
}

/// Every allocation of the call fails once: the state is then as it was, and the same call does what it
/// always does. Returns how many there were.
template <class State>
long failures_that_change_nothing(const State& start, const std::function<void(State&)>& call) {
  const std::vector<std::byte> before = to_bytes(start);
  State want = start;
  call(want);
  for (long failures = 0;; ++failures) {
    State state = start;
    if (!fails_at(failures, [&] { call(state); })) return failures;
    REQUIRE(to_bytes(state) == before);
    call(state);
    REQUIRE(to_bytes(state) == to_bytes(want));
  }
}

struct Keys {
  std::vector<double> values;
  explicit Keys(std::size_t n) {
    support::Random random(5);
    for (std::size_t i = 0; i < 3 * n; ++i) values.push_back(random.gaussian());
  }
  heavykeys::Rows rows(std::size_t begin, std::size_t count) const {
    return heavykeys::rows(values.data() + 3 * begin, count, 3, begin);
  }
};

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
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

TEST_CASE("a sketch is unchanged by an absorb or merge that runs out of memory, and goes on") {
  const Keys keys(40);
  heavykeys::Sketch start(support::make_spec(3, 0.1)), other(support::make_spec(3, 0.1));
  heavykeys::streaming::absorb(start, keys.rows(0, 5));
  heavykeys::streaming::absorb(start, keys.rows(9, 3));
  heavykeys::streaming::absorb(other, keys.rows(5, 4));
  heavykeys::streaming::absorb(other, keys.rows(12, 20));
  const std::vector<std::function<void(heavykeys::Sketch&)>> calls{
      [&](heavykeys::Sketch& s) { heavykeys::streaming::absorb(s, keys.rows(12, 26)); },
      [&](heavykeys::Sketch& s) { merge(s, other); },
      [&](heavykeys::Sketch& s) { heavykeys::streaming::absorb(s, keys.rows(5, 4)); }};
  for (const auto& call : calls) {
    REQUIRE(failures_that_change_nothing<heavykeys::Sketch>(start, call) > 0);
  }
}

TEST_CASE("on many threads, too, a sketch is unchanged by an absorb that runs out of memory, and goes on") {
  using heavykeys::parallel::Runtime;
  const Keys keys(200);
  heavykeys::Sketch start(support::make_spec(3, 0.1));
  heavykeys::streaming::absorb(start, keys.rows(0, 5));
  heavykeys::Sketch want = start;
  heavykeys::streaming::absorb(want, keys.rows(5, 195));
  const heavykeys::UniversalSet set = finalize(want);
  const heavykeys::HeavyEntries entries = heavy_entries(set, keys.rows(0, 100));
  std::vector<Runtime> runtimes;
  if (HEAVYKEYS_TESTS_TBB) runtimes.push_back(Runtime::tbb);
  if (HEAVYKEYS_TESTS_OPENMP) runtimes.push_back(Runtime::openmp);
  for (const Runtime runtime : runtimes) {
    const heavykeys::parallel::Options options{runtime, 3};
    const auto absorb = [&](heavykeys::Sketch& s) {
      heavykeys::parallel::absorb(s, keys.rows(5, 195), options);
    };
    REQUIRE(failures_that_change_nothing<heavykeys::Sketch>(start, absorb) > 10);
    long failures = 0;
    while (fails_at(failures, [&] { heavykeys::parallel::heavy_entries(set, keys.rows(0, 100), options); }))
      ++failures;
    REQUIRE(failures > 3);
    REQUIRE(heavykeys::parallel::heavy_entries(set, keys.rows(0, 100), options) == entries);
  }
}

TEST_CASE("a covariance is unchanged by an absorb or merge that runs out of memory, and goes on") {
  Keys keys(400);
  for (std::size_t i = 60; i < keys.values.size(); ++i)
    keys.values[i] *= 1e6;  // of other exponents: new groups
  for (const std::size_t columns : {0, 2}) {
    const heavykeys::CovarianceSpec spec{.dim = 3, .sketch_columns = columns};
    heavykeys::Covariance start(spec), other(spec);
    heavykeys::streaming::absorb(start, keys.rows(0, 20));
    heavykeys::streaming::absorb(other, keys.rows(20, 380));
    const std::vector<std::byte> before = to_bytes(start);
    const std::vector<std::function<void(heavykeys::Covariance&)>> calls{
        [&](heavykeys::Covariance& c) { heavykeys::streaming::absorb(c, keys.rows(20, 380)); },
        [&](heavykeys::Covariance& c) { merge(c, other); }};
    for (const auto& call : calls) {
      REQUIRE(failures_that_change_nothing<heavykeys::Covariance>(start, call) > 0);
    }
    long failures = 0;
    while (fails_at(failures, [&] { principal_components(start); })) ++failures;
    REQUIRE(failures > 3);
    REQUIRE(to_bytes(start) == before);
  }
}

TEST_CASE("finalize, heavy_entries and to_bytes that run out of memory can be asked again") {
  const Keys keys(40);
  heavykeys::Sketch sketch(support::make_spec(3, 0.1));
  heavykeys::streaming::absorb(sketch, keys.rows(0, 40));
  const heavykeys::UniversalSet set = finalize(sketch);
  const heavykeys::HeavyEntries entries = heavy_entries(set, keys.rows(0, 10));
  const std::vector<std::byte> bytes = to_bytes(sketch);
  const std::vector<std::function<void()>> calls{
      [&] { finalize(sketch); }, [&] { heavy_entries(set, keys.rows(0, 10)); }, [&] { to_bytes(sketch); },
      [&] { heavykeys::from_bytes(bytes); }};
  for (const auto& call : calls) {
    long failures = 0;
    while (fails_at(failures, call)) ++failures;
    REQUIRE(failures > 3);
    REQUIRE(to_bytes(sketch) == bytes);
    REQUIRE(heavy_entries(finalize(sketch), keys.rows(0, 10)) == entries);
  }
}

TEST_CASE("key sets and attention that run out of memory can be asked again") {
  const std::size_t n = 40, d = 3;
  const Keys keys(n);
  const auto view = [&](const double* data) {
    return heavykeys::tensor(static_cast<const void*>(data), heavykeys::Dtype::f64, heavykeys::Layout::bhsd,
                             1, 1, n, d);
  };
  const heavykeys::TensorView k = view(keys.values.data());
  const heavykeys::Spec spec{.dim = d, .epsilon = 0.1, .block_rows = 16};
  const heavykeys::KeySets sets = heavykeys::prefix_keys(spec, k);
  heavykeys::AttendOptions options;
  options.score = heavykeys::Score::power(2);
  options.causal = true;
  options.normalise = heavykeys::Normalise::all_keys;
  std::vector<std::vector<double>> made(4, std::vector<double>(n * d));
  const auto written = [&](std::size_t i) {
    return heavykeys::tensor(static_cast<void*>(made[i].data()), heavykeys::Dtype::f64,
                             heavykeys::Layout::bhsd, 1, 1, n, d);
  };
  const auto attention = [&] {
    const auto sums = heavykeys::attend(k, k, k, sets, options, written(0));
    heavykeys::attend_backward(k, k, k, sets, options, written(0), sums, k,
                               {written(1), written(2), written(3)});
  };
  attention();
  const auto want = made;
  heavykeys::KeySets found;
  const std::vector<std::function<void()>> calls{attention, [&] { found = heavykeys::prefix_keys(spec, k); },
                                                 [&] { found = heavykeys::universal_keys(spec, k); },
                                                 [&] { found = heavykeys::top_keys(k, 5); }};
  for (const auto& call : calls) {
    long failures = 0;
    while (fails_at(failures, call)) ++failures;
    REQUIRE(failures > 10);
    made.assign(4, std::vector<double>(n * d));
    attention();
    REQUIRE(made == want);
  }
  REQUIRE(found.keys.size() == 5);
}

TEST_CASE("a causal pass that runs out of memory says where it is, goes on from there, and loses nothing") {
  const Keys keys(40);
  const heavykeys::Spec spec = support::make_spec(3, 0.1);
  heavykeys::CausalHeavy whole(spec, keys.rows(0, 40), 40);
  whole.absorb(keys.rows(0, 40));
  const heavykeys::HeavyEntries want = whole.finish();
  REQUIRE(want.query_count() == 40);
  long failures = 0;
  for (;; ++failures) {
    heavykeys::CausalHeavy pass(spec, keys.rows(0, 40), 40);
    if (!fails_at(failures, [&] { pass.absorb(keys.rows(0, 40)); })) break;
    const std::size_t at = pass.next_row();
    if (at < 40) pass.absorb(keys.rows(at, 40 - at));
    REQUIRE(pass.finish() == want);
  }
  REQUIRE(failures > 100);
  for (failures = 0;; ++failures) {
    heavykeys::CausalHeavy pass(spec, keys.rows(0, 40), 40);
    pass.absorb(keys.rows(0, 40));
    if (!fails_at(failures, [&] { pass.finish(); })) break;
    REQUIRE(pass.finish() == want);
  }
  REQUIRE(failures > 3);
}

TEST_CASE(
    "a row sample is unchanged by an add or reserve that runs out of memory; merge after reserve needs "
    "none") {
  const Keys keys(400);
  using heavykeys::detail::RowSample;
  const auto fill = [&](RowSample& sample, std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t r = begin; r < end; ++r) sample.add({0, r}, keys.values.data() + 3 * r);
  };
  RowSample start(3, 20, 1), other(3, 20, 1), whole(3, 20, 1);
  fill(start, 0, 200);
  fill(other, 200, 400);
  fill(whole, 0, 400);
  long failures = 0;
  RowSample grown = start;
  for (std::uint64_t r = 200; r < 400; ++r) {
    for (long number = 0;; ++number, ++failures) {
      RowSample sample = grown;
      if (!fails_at(number, [&] { sample.add({0, r}, keys.values.data() + 3 * r); })) break;
      REQUIRE(sample == grown);
    }
    grown.add({0, r}, keys.values.data() + 3 * r);
  }
  REQUIRE(grown == whole);
  REQUIRE(failures > 0);
  for (failures = 0;; ++failures) {
    RowSample sample = start;
    if (!fails_at(failures, [&] { sample.reserve(other); })) {
      REQUIRE_FALSE(fails_at(0, [&] { sample.merge(other); }));
      REQUIRE(sample == whole);
      break;
    }
    REQUIRE(sample == start);
  }
  REQUIRE(failures > 0);
}

TEST_CASE("a scan is unchanged by an absorb or merge that runs out of memory, and goes on") {
  const Keys keys(9000);  // three batches of 4096 rows, the last not complete
  const double tolerance = GENERATE(1e-10, 0.05);
  const auto make = [&] {
    return heavykeys::Scan(heavykeys::Score::softmax(), 0.01, keys.rows(0, 20), {.tolerance = tolerance});
  };
  heavykeys::Scan whole = make();
  whole.absorb(keys.rows(0, 9000));
  const heavykeys::HeavyEntries want = whole.finish();
  REQUIRE(want.keys.size() > 10);
  long failures = 0;
  for (;; failures += 3) {
    heavykeys::Scan scan = make();
    if (!fails_at(failures, [&] { scan.absorb(keys.rows(0, 9000)); })) break;
    REQUIRE(scan.row_count() == 0);
    scan.absorb(keys.rows(0, 9000));
    REQUIRE(scan.finish() == want);
  }
  REQUIRE(failures > 100);
  heavykeys::Scan rest = make();
  rest.absorb(keys.rows(5000, 4000));
  for (failures = 0;; ++failures) {
    heavykeys::Scan scan = make();
    scan.absorb(keys.rows(0, 5000));
    if (!fails_at(failures, [&] { merge(scan, rest); })) break;
    REQUIRE(scan.row_count() == 5000);
    merge(scan, rest);
    REQUIRE(scan.finish() == want);
  }
  REQUIRE(failures > 10);
  for (failures = 0;; ++failures) {
    heavykeys::Scan scan = make();
    scan.absorb(keys.rows(0, 9000));
    if (!fails_at(failures, [&] { scan.finish(); })) break;
    REQUIRE(scan.finish() == want);
  }
  REQUIRE(failures > 3);
}

TEST_CASE("a verification is unchanged by an absorb or merge that runs out of memory, and goes on") {
  const Keys keys(9000);
  heavykeys::Spec spec = support::make_spec(3, 0.001, 24, 4096);
  spec.score = heavykeys::Score::power(1);
  heavykeys::HeavyEntries found;  // of 40 queries, half of them with an entry that says nothing
  found.indptr = {0};
  for (std::uint64_t i = 0; i < 40; ++i) {
    if (i % 20 < 10) {
      found.keys.push_back({0, i});
      found.weights.push_back(0.5);
      found.lower.push_back(0.0);
      found.upper.push_back(1.0);
    }
    found.indptr.push_back(static_cast<std::int64_t>(found.keys.size()));
  }
  for (const bool causal : {false, true}) {
    const heavykeys::ScanOptions options{.causal = causal, .key_count = 9000};
    const auto make = [&] { return heavykeys::Verification(spec, found, keys.rows(0, 40), options); };
    heavykeys::Verification whole = make();
    whole.absorb(keys.rows(0, 9000));
    const heavykeys::HeavyEntries want = whole.finish();
    long failures = 0;
    for (;; failures += 5) {
      heavykeys::Verification pass = make();
      if (!fails_at(failures, [&] { pass.absorb(keys.rows(0, 9000)); })) break;
      REQUIRE(pass.row_count() == 0);
      pass.absorb(keys.rows(0, 9000));
      REQUIRE(pass.finish() == want);
    }
    REQUIRE(failures > 100);
    heavykeys::Verification rest = make();
    rest.absorb(keys.rows(5000, 4000));
    for (failures = 0;; failures += 5) {
      heavykeys::Verification pass = make();
      pass.absorb(keys.rows(0, 5000));
      if (!fails_at(failures, [&] { merge(pass, rest); })) break;
      REQUIRE(pass.row_count() == 5000);
      merge(pass, rest);
      REQUIRE(pass.finish() == want);
    }
    REQUIRE(failures > 10);
    for (failures = 0;; ++failures) {
      heavykeys::Verification pass = make();
      pass.absorb(keys.rows(0, 9000));
      if (!fails_at(failures, [&] { pass.finish(); })) break;
      REQUIRE(pass.finish() == want);
    }
    REQUIRE(failures > 3);
  }
}
