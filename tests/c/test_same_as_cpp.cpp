// What C is told is what C++ is told, to the last bit: bytes of sketches, universal sets, entries; over
// dtypes, strides, DLPack, engines and scores.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <span>

#include "c/dlpack.hpp"
#include "heavykeys/scan.hpp"
#include "heavykeys/streaming.hpp"
#include "support/convert.hpp"
#include "support/sketches.hpp"
#include "tests/c/handles.hpp"

namespace {

using heavykeys::Dtype;
using heavykeys::Rows;
using namespace c_tests;

const std::vector<Dtype> kDtypes{Dtype::f64, Dtype::f32, Dtype::f16, Dtype::bf16};
const std::vector<support::Layout> kLayouts{{}, {1, 3}, {2, 1}, {1, 0, true}, {3, 2, true, true}};
const std::vector<std::string> kScores{"power:2", "power:4",    "power:1",
                                       "power:3", "expressive", "polynomial:0,1,0.5"};

/// Keys of which some are long, so that sets are neither empty nor whole.
support::Matrix make_keys(std::size_t n, std::size_t d, std::uint64_t seed) {
  support::Random random(seed);
  support::Matrix keys(n, d);
  for (double& v : keys.values) v = random.gaussian();
  for (std::size_t r = 0; r < n; r += 29) {
    for (std::size_t c = 0; c < d; ++c) keys(r, c) *= 8.0;
  }
  return keys;
}

heavykeys::Spec make_spec(std::size_t d, double epsilon, const std::string& score) {
  heavykeys::Spec spec = support::make_spec(d, epsilon, 20, 32);
  spec.score = heavykeys::Score::from_name(score);
  spec.sample_rows = 64;
  spec.seed = 3;
  return spec;
}

/// The rows absorbed by C, in pieces.
Sketch c_absorbed(const heavykeys::Spec& spec, const std::string& score, const Rows& rows,
                  const std::vector<support::Piece>& pieces, const heavykeys_options* options) {
  const heavykeys_spec asked = c_spec(spec, score.c_str());
  Sketch sketch = made<heavykeys_sketch>(heavykeys_sketch_create, &asked);
  for (const support::Piece& p : pieces) {
    const heavykeys_rows piece = c_rows(rows.slice(p.begin, p.length));
    ok(heavykeys_sketch_absorb(sketch.get(), &piece, options));
  }
  return sketch;
}

void require_same(const Set& set, const heavykeys::UniversalSet& want) {
  const auto size = answer<std::uint64_t>(heavykeys_universal_set_size, set);
  REQUIRE(size == want.size());
  REQUIRE(answer<std::uint64_t>(heavykeys_universal_set_row_count, set) == want.row_count());
  REQUIRE(answer<std::uint64_t>(heavykeys_universal_set_rank, set) == want.rank());
  REQUIRE(answer<double>(heavykeys_universal_set_bound, set) == want.size_bound());
  const auto ids = ids_of(answer<const heavykeys_key_id*>(heavykeys_universal_set_ids, set), size);
  REQUIRE(ids == std::vector(want.ids().begin(), want.ids().end()));
  const auto layer = copied(answer<const std::int32_t*>(heavykeys_universal_set_layer, set), size);
  REQUIRE(layer == std::vector(want.layer().begin(), want.layer().end()));
  const auto leverage = copied(answer<const double*>(heavykeys_universal_set_leverage, set), size);
  REQUIRE(support::same_bits<std::span<const double>>(leverage, want.leverage()));
  const auto keys = copied(answer<const double*>(heavykeys_universal_set_keys, set), size * want.spec().dim);
  REQUIRE(support::same_bits<std::span<const double>>(keys, want.keys()));
}

/// From keys to entries, in C and in C++.
void require_same_run(const std::string& score, const Rows& keys, const Rows& queries,
                      heavykeys_engine engine) {
  const heavykeys::Spec spec = make_spec(keys.dim, 0.05, score);
  const heavykeys::Sketch want = support::absorbed(spec, keys);
  const heavykeys_options options = c_options(engine, engine == HEAVYKEYS_ENGINE_ONE_CORE ? 0 : 2);
  const Sketch sketch = c_absorbed(spec, score, keys, support::every(keys.count, 70), &options);
  REQUIRE(support::difference(bytes_of(sketch.get()), to_bytes(want)).empty());

  const heavykeys::UniversalSet universal = finalize(want);
  REQUIRE(universal.size() > 0);
  REQUIRE(universal.size() < keys.count);
  const heavykeys_options* none = nullptr;
  const Set set = made<heavykeys_universal_set>(heavykeys_sketch_finalize, sketch.get(), none);
  require_same(set, universal);

  const heavykeys_rows asked = c_rows(queries);
  for (const auto mode : {heavykeys::Mode::no_false_negatives, heavykeys::Mode::no_false_positives}) {
    for (const double confidence : {0.0, 0.01}) {
      const Entries found = made<heavykeys_entries>(heavykeys_heavy_entries, set.get(), &asked,
                                                    static_cast<heavykeys_mode>(mode), confidence, &options);
      REQUIRE(entries_of(found) == heavy_entries(universal, queries, {mode, confidence}));
    }
  }
}

/// A view as DLPack lends it: the pointer at the memory's lowest address or before, the rest in byte_offset.
struct Lent {
  std::int64_t shape[2], strides[2];
  heavykeys::c::DlTensor tensor;

  Lent(const Rows& rows, std::uint64_t byte_offset, bool with_strides) {
    using namespace heavykeys::c;
    shape[0] = static_cast<std::int64_t>(rows.count), shape[1] = static_cast<std::int64_t>(rows.dim);
    strides[0] = rows.row_stride, strides[1] = rows.column_stride;
    const std::uint8_t code = rows.dtype == Dtype::bf16 ? kDlBfloat : kDlFloat;
    const auto bits = static_cast<std::uint8_t>(8 * size_of(rows.dtype));
    auto* data = reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(rows.data) - byte_offset);
    tensor = {data, {kDlCpu, 0}, 2, {code, bits, 1}, shape, with_strides ? strides : nullptr, byte_offset};
  }
};

}  // namespace

TEST_CASE("C and C++ agree to the last bit for every dtype, stride and engine") {
  const support::Matrix keys = make_keys(300, 5, 1), queries = make_keys(40, 5, 2);
  for (const Dtype dtype : kDtypes) {
    for (const support::Layout& layout : kLayouts) {
      const support::Buffer k(keys, dtype, layout), q(queries, dtype, layout);
      for (const heavykeys_engine engine : engines()) require_same_run("power:2", k.rows(), q.rows(), engine);
    }
  }
}

TEST_CASE("C and C++ agree to the last bit for every score that has a universal set") {
  const support::Buffer keys(make_keys(300, 3, 4), Dtype::f32), queries(make_keys(30, 3, 5), Dtype::f64);
  for (const std::string& score : kScores) {
    for (const heavykeys_engine engine : engines())
      require_same_run(score, keys.rows(), queries.rows(), engine);
  }
}

TEST_CASE("a DLPack tensor is read as the rows it describes") {
  const support::Matrix values = make_keys(100, 4, 6);
  const heavykeys::Spec spec = make_spec(4, 0.05, "power:2");
  for (const Dtype dtype : kDtypes) {
    for (const support::Layout& layout : kLayouts) {
      const support::Buffer buffer(values, dtype, layout);
      const Rows rows = buffer.rows();
      const bool compact = rows.row_stride == 4 && rows.column_stride == 1;
      for (const std::uint64_t offset : {0, 64, 4096}) {
        const Lent lent(rows, offset, !compact || offset == 64);
        heavykeys_rows view;
        ok(heavykeys_rows_from_dlpack(&view, &lent.tensor));
        const Rows read{view.data,       static_cast<Dtype>(view.dtype),
                        view.count,      view.dim,
                        view.row_stride, view.column_stride,
                        view.first_id,   view.stream};
        REQUIRE(read.data == rows.data);
        const Sketch sketch = c_absorbed(spec, "power:2", read, support::every(100, 100), nullptr);
        REQUIRE(bytes_of(sketch.get()) == to_bytes(support::absorbed(spec, rows)));
      }
    }
  }
}

TEST_CASE("causal passes in C list what they list in C++") {
  const support::Buffer keys(make_keys(500, 4, 7), Dtype::f32), queries(make_keys(60, 4, 8), Dtype::f32);
  const heavykeys_rows asked = c_rows(queries.rows());
  for (const std::string score : {"power:2", "expressive"}) {
    const heavykeys::Spec spec = make_spec(4, 0.01, score);
    heavykeys::CausalHeavy pass(spec, queries.rows(), 500);
    pass.absorb(keys.rows());
    const heavykeys::HeavyEntries want = pass.finish();
    REQUIRE(want.keys.size() > 10);
    const heavykeys_spec c = c_spec(spec, score.c_str());
    for (const heavykeys_engine engine : engines()) {
      const heavykeys_options options = c_options(engine, 2);
      const Causal causal =
          made<heavykeys_causal>(heavykeys_causal_create, &c, &asked, 500, HEAVYKEYS_NO_FALSE_NEGATIVES, 0.0);
      for (const support::Piece& p : support::every(500, 130)) {
        const heavykeys_rows piece = c_rows(keys.rows().slice(p.begin, p.length));
        ok(heavykeys_causal_absorb(causal.get(), &piece, &options));
      }
      REQUIRE(entries_of(made<heavykeys_entries>(heavykeys_causal_finish, causal.get())) == want);
    }
  }
}

TEST_CASE("scans in C list what they list in C++, softmax too, in pieces, causally and merged") {
  const support::Buffer keys(make_keys(500, 4, 10), Dtype::f16), queries(make_keys(60, 4, 11), Dtype::f32);
  const heavykeys_rows asked = c_rows(queries.rows());
  for (const std::string score : {"softmax:0.5", "softmax", "power:2", "power:1.5", "expressive"}) {
    for (const int causal : {0, 1}) {
      const double tolerance = score == "softmax" ? 0.05 : 1e-10;
      const heavykeys::ScanOptions what{
          .causal = causal == 1, .key_count = causal == 1 ? 500u : 0u, .tolerance = tolerance};
      heavykeys::Scan plain(heavykeys::Score::from_name(score), 0.002, queries.rows(), what);
      plain.absorb(keys.rows());
      const heavykeys::HeavyEntries want = plain.finish();
      REQUIRE(want.keys.size() > 10);
      for (const heavykeys_engine engine : engines()) {
        const heavykeys_options options = c_options(engine, 2);
        std::vector<Scan> halves;
        for (const std::size_t begin : {0, 230}) {
          halves.push_back(tolerance == 1e-10
                               ? made<heavykeys_scan>(heavykeys_scan_create, score.c_str(), 0.002, &asked,
                                                      what.key_count, causal, HEAVYKEYS_NO_FALSE_NEGATIVES)
                               : made<heavykeys_scan>(heavykeys_scan_create_with_tolerance, score.c_str(),
                                                      0.002, &asked, what.key_count, causal,
                                                      HEAVYKEYS_NO_FALSE_NEGATIVES, tolerance));
          const heavykeys_rows piece = c_rows(keys.rows().slice(begin, begin == 0 ? 230 : 270));
          ok(heavykeys_scan_absorb(halves.back().get(), &piece, &options));
        }
        ok(heavykeys_scan_merge(halves[0].get(), halves[1].get()));
        REQUIRE(entries_of(made<heavykeys_entries>(heavykeys_scan_finish, halves[0].get())) == want);
      }
    }
  }
}

TEST_CASE("C reads and writes the files of C++") {
  const support::Buffer keys(make_keys(200, 3, 9), Dtype::f32);
  const heavykeys::Spec spec = make_spec(3, 0.1, "power:2");
  const heavykeys::Sketch want = support::absorbed(spec, keys.rows());
  const auto path =
      std::filesystem::temp_directory_path() / ("heavykeys-c-" + std::to_string(::getpid()) + ".hks");
  heavykeys::streaming::save(want, path);
  const Sketch read = made<heavykeys_sketch>(heavykeys_sketch_load, path.c_str());
  REQUIRE(bytes_of(read.get()) == to_bytes(want));
  ok(heavykeys_sketch_save(read.get(), path.c_str()));
  REQUIRE(to_bytes(heavykeys::streaming::load(path)) == to_bytes(want));
  std::filesystem::remove(path);
  heavykeys_spec back = c_spec({}, "power:4");
  ok(heavykeys_sketch_spec(read.get(), &back));
  REQUIRE(back.score == std::string("power:2"));
  REQUIRE(back.block_rows == spec.block_rows);
  REQUIRE(back.sample_rows == spec.sample_rows);
  REQUIRE(back.seed == spec.seed);
  REQUIRE(back.grid_bits == spec.grid_bits);
}
