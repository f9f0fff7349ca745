// Views, heads, errors and concurrent use, the same from every engine.
#include <catch2/catch.hpp>
#include <thread>

#include "engines/engine.hpp"
#include "support/convert.hpp"

using engines::Engine;
using heavykeys::Rows;
using heavykeys::Sketch;
using support::Buffer;
using support::difference;

namespace {

const std::vector<support::Layout> layouts = {
    {1, 0, false, false}, {2, 0, false, false}, {1, 5, false, false}, {3, 1, false, false},
    {1, 0, true, false},  {1, 0, false, true},  {2, 3, true, true},
};

const std::vector<heavykeys::Dtype> dtypes = {heavykeys::Dtype::f64, heavykeys::Dtype::f32,
                                              heavykeys::Dtype::f16, heavykeys::Dtype::bf16};

std::string text_of(const auto& f) {
  try {
    f();
  } catch (const heavykeys::Error& e) {
    return e.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("a strided view has the bytes of the contiguous rows, keys and queries") {
  support::Random random(1);
  for (std::size_t d : {5, 33, 64}) {
    const support::Matrix k = engines::planted(1100, d, random);
    const auto spec = support::make_spec(d, 0.05, 20, 256);
    for (const auto dtype : dtypes) {
      const Buffer plain(k, dtype);
      const Sketch expected = support::absorbed(spec, plain.rows());
      const auto bytes = to_bytes(expected);
      const auto set = finalize(expected);
      const support::Matrix q = engines::make_queries(plain.values(), 30, random);
      const auto entries = heavy_entries(set, Buffer(q, dtype).rows());
      for (std::size_t i = 0; i < layouts.size(); ++i) {
        const Buffer strided(k, dtype, layouts[i]), asked(q, dtype, layouts[i]);
        for (const engines::Schedule schedule : engines::built()) {
          const Engine engine{schedule, 2};
          INFO(engine.name() << " layout " << i << " " << name_of(dtype) << " d " << d);
          Sketch sketch(spec);
          for (const auto& piece : support::every(1100, 301)) {
            engine.absorb(sketch, strided.rows().slice(piece.begin, piece.length));
          }
          CHECK(difference(to_bytes(sketch), bytes) == "");
          CHECK(engines::difference(engine.heavy_entries(set, asked.rows()), entries) == "");
        }
      }
    }
  }
}

TEST_CASE("a transposed matrix, row stride 1, is a view like any other") {
  support::Random random(2);
  const std::size_t n = 700, d = 7;
  const support::Matrix k = engines::planted(n, d, random);
  support::Matrix turned(d, n);
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t c = 0; c < d; ++c) turned(c, r) = k(r, c);
  }
  Rows view = heavykeys::rows(turned.values.data(), n, d);
  view.row_stride = 1;
  view.column_stride = static_cast<std::ptrdiff_t>(n);
  const auto spec = support::make_spec(d, 0.05, 24, 64);
  const auto expected = to_bytes(support::absorbed(spec, heavykeys::rows(k.values.data(), n, d)));
  for (const engines::Schedule schedule : engines::built()) {
    Sketch sketch(spec);
    Engine{schedule, 2}.absorb(sketch, view);
    CHECK(difference(to_bytes(sketch), expected) == "");
  }
}

TEST_CASE("a row stride of 0 is one row again and again") {
  const std::size_t n = 200;
  const double row[] = {1, -2, 0.5};
  Rows view = heavykeys::rows(row, n, 3);
  view.row_stride = 0;
  support::Matrix copies(n, 3);
  for (std::size_t r = 0; r < n; ++r) std::copy_n(row, 3, copies.row(r));
  const auto spec = support::make_spec(3, 0.005, 24, 64);
  CHECK(difference(support::absorbed(spec, view),
                   support::absorbed(spec, heavykeys::rows(copies.values.data(), n, 3))) == "");
}

TEST_CASE("slice moves the data and the ids along") {
  const double k[] = {1, 2, 3, 4, 5, 6};
  Rows view = heavykeys::rows(k, 3, 2, 100);
  view.stream = 4;
  const Rows part = view.slice(1, 2);
  CHECK(part.data == k + 2);
  CHECK(part.count == 2);
  CHECK(part.dim == 2);
  CHECK(part.first_id == 101);
  CHECK(part.stream == 4);
}

TEST_CASE("a span of heads is as many separate sketches, whatever their sizes and Specs") {
  support::Random random(3);
  const std::vector<std::size_t> counts = {3000, 0, 17, 4500, 700, 64}, dims = {16, 5, 33, 8, 64, 1};
  std::vector<Buffer> buffers;
  std::vector<Sketch> expected, empty;
  std::vector<Rows> rows;
  for (std::size_t h = 0; h < counts.size(); ++h) {
    buffers.emplace_back(engines::planted(std::max<std::size_t>(counts[h], 1), dims[h], random),
                         dtypes[h % 4]);
  }
  for (std::size_t h = 0; h < counts.size(); ++h) {
    const auto spec = support::make_spec(dims[h], h % 2 ? 0.05 : 0.25, 20, h % 3 ? 64 : 4096);
    rows.push_back(buffers[h].rows().slice(0, counts[h]));
    expected.push_back(support::absorbed(spec, rows[h]));
    empty.emplace_back(spec);
  }
  for (const engines::Schedule schedule : engines::built()) {
    if (schedule == engines::Schedule::streaming) continue;
    for (int threads : {1, 2, 8}) {
      const Engine engine{schedule, threads};
      INFO(engine.name());
      std::vector<Sketch> sketches = empty;
      heavykeys::parallel::absorb(std::span<Sketch>(sketches), std::span<const Rows>(rows), engine.options());
      for (std::size_t h = 0; h < counts.size(); ++h) CHECK(difference(sketches[h], expected[h]) == "");
      // In two halves, the second on top of the first.
      sketches = empty;
      std::vector<Rows> first, second;
      for (const Rows& r : rows) {
        first.push_back(r.slice(0, r.count / 2));
        second.push_back(r.slice(r.count / 2, r.count - r.count / 2));
      }
      heavykeys::parallel::absorb(std::span<Sketch>(sketches), std::span<const Rows>(second),
                                  engine.options());
      heavykeys::parallel::absorb(std::span<Sketch>(sketches), std::span<const Rows>(first),
                                  engine.options());
      for (std::size_t h = 0; h < counts.size(); ++h) CHECK(difference(sketches[h], expected[h]) == "");
    }
  }
}

TEST_CASE("one bad head leaves every head unchanged and is named") {
  support::Random random(4);
  const std::size_t heads = 4, n = 600, d = 8;
  const auto spec = support::make_spec(d, 0.1, 24, 64);
  for (const engines::Schedule schedule : engines::built()) {
    if (schedule == engines::Schedule::streaming) continue;
    for (std::size_t bad = 0; bad < heads; ++bad) {
      for (int fault = 0; fault < 3; ++fault) {  // NaN, another dim, rows absorbed before
        std::vector<support::Matrix> keys;
        std::vector<Sketch> sketches;
        std::vector<Rows> rows;
        for (std::size_t h = 0; h < heads; ++h)
          keys.push_back(engines::planted(n, fault == 1 && h == bad ? d + 1 : d, random));
        if (fault == 0) keys[bad](555, 3) = std::numeric_limits<double>::quiet_NaN();
        for (std::size_t h = 0; h < heads; ++h) {
          rows.push_back(heavykeys::rows(keys[h].values.data(), n, keys[h].cols, 100));
          const support::Matrix before = engines::planted(100, d, random);
          sketches.push_back(support::absorbed(spec, heavykeys::rows(before.values.data(), 100, d)));
        }
        if (fault == 2) rows[bad].first_id = 99;
        std::vector<std::vector<std::byte>> before;
        for (const Sketch& s : sketches) before.push_back(to_bytes(s));
        const Engine engine{schedule, 3};
        CAPTURE(engine.name(), bad, fault);
        const auto go = [&] {
          heavykeys::parallel::absorb(std::span<Sketch>(sketches), std::span<const Rows>(rows),
                                      engine.options());
        };
        CHECK_THAT(text_of(go), Catch::Contains("head " + std::to_string(bad)));
        if (fault == 0) CHECK_THAT(text_of(go), Catch::Contains("row 655") && Catch::Contains("column 3"));
        if (fault == 2) CHECK_THROWS_AS(go(), heavykeys::Incompatible);
        if (fault != 2) CHECK_THROWS_AS(go(), heavykeys::InvalidInput);
        for (std::size_t h = 0; h < heads; ++h) CHECK(difference(to_bytes(sketches[h]), before[h]) == "");
      }
    }
  }
}

TEST_CASE("spans of different length are refused") {
  std::vector<Sketch> sketches(2, Sketch(support::make_spec(1, 0.5)));
  std::vector<Rows> rows(3);
  CHECK_THROWS_AS(heavykeys::parallel::absorb(std::span<Sketch>(sketches), std::span<const Rows>(rows)),
                  heavykeys::InvalidInput);
  std::span<Sketch> none;
  CHECK_NOTHROW(heavykeys::parallel::absorb(none, std::span<const Rows>()));
}

TEST_CASE("every engine refuses with the same words as streaming, and changes nothing") {
  support::Random random(5);
  const std::size_t n = 3000, d = 6;
  const auto spec = support::make_spec(d, 0.1, 24, 64);
  support::Matrix k = engines::planted(n, d, random);
  const Sketch held = support::absorbed(spec, heavykeys::rows(k.values.data(), 500, d));
  const auto before = to_bytes(held);
  support::Matrix bad = k;  // several faults in several blocks: the first is named
  for (std::size_t r : {2900, 1234, 777, 2047}) bad(r, r % d) = std::numeric_limits<double>::infinity();
  const std::vector<Rows> refused = {
      heavykeys::rows(bad.row(500), n - 500, d, 500),       // Inf
      heavykeys::rows(k.row(499), n - 499, d, 499),         // row 499 twice
      heavykeys::rows(k.values.data(), n / 2, 2 * d, 500),  // another dim
      heavykeys::rows(k.values.data(), n, d, (std::uint64_t{1} << 62) - 5),
  };
  for (std::size_t i = 0; i < refused.size(); ++i) {
    Sketch reference = held;
    const std::string text = text_of([&] { heavykeys::streaming::absorb(reference, refused[i]); });
    if (i == 0) CHECK_THAT(text, Catch::Contains("row 777") && Catch::Contains("column 3"));
    for (const engines::Schedule schedule : engines::built()) {
      for (int threads : {1, 2, 8}) {
        const Engine engine{schedule, threads};
        CAPTURE(engine.name(), i);
        Sketch sketch = held;
        CHECK(text_of([&] { engine.absorb(sketch, refused[i]); }) == text);
        CHECK(difference(to_bytes(sketch), before) == "");
      }
    }
  }
}

TEST_CASE("distinct sketches are independent, and one sketch may be read by many threads") {
  support::Random random(6);
  const std::size_t n = 4000, d = 12;
  const support::Matrix k = engines::planted(n, d, random);
  const Rows keys = heavykeys::rows(k.values.data(), n, d);
  const auto spec = support::make_spec(d, 0.05, 24, 256);
  const Sketch shared = support::absorbed(spec, keys);
  const auto expected = to_bytes(shared);
  const auto set = finalize(shared);
  const auto queries = keys.slice(0, 50);
  const auto entries = heavy_entries(set, queries);
  std::vector<std::string> wrong(6);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      Sketch own(spec);
      const Engine engine{engines::built()[t % engines::built().size()], 2};
      for (const auto& piece : support::every(n, 500 + t))
        engine.absorb(own, keys.slice(piece.begin, piece.length));
      wrong[t] += difference(to_bytes(own), expected);
      wrong[t] += difference(to_bytes(shared), expected);
      Sketch copy = shared;
      wrong[t] += difference(to_bytes(copy), expected);
      wrong[t] += engines::difference(finalize(shared), set);
      wrong[t] += engines::difference(engine.heavy_entries(set, queries), entries);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& text : wrong) CHECK(text == "");
}
