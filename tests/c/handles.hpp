// The C interface in the hands of a C++ test: handles that destroy themselves, calls that must go well.
#pragma once

#include <catch2/catch.hpp>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "heavykeys/heavy_entries.hpp"
#include "heavykeys/heavykeys.h"
#include "heavykeys/rows.hpp"
#include "heavykeys/sketch.hpp"
#include "heavykeys/spec.hpp"

namespace c_tests {

struct Destroy {
  void operator()(heavykeys_sketch* h) const { heavykeys_sketch_destroy(h); }
  void operator()(heavykeys_universal_set* h) const { heavykeys_universal_set_destroy(h); }
  void operator()(heavykeys_entries* h) const { heavykeys_entries_destroy(h); }
  void operator()(heavykeys_causal* h) const { heavykeys_causal_destroy(h); }
  void operator()(heavykeys_scan* h) const { heavykeys_scan_destroy(h); }
};
template <class T>
using Handle = std::unique_ptr<T, Destroy>;
using Sketch = Handle<heavykeys_sketch>;
using Set = Handle<heavykeys_universal_set>;
using Entries = Handle<heavykeys_entries>;
using Causal = Handle<heavykeys_causal>;
using Scan = Handle<heavykeys_scan>;

inline void ok(heavykeys_status status) {
  INFO(heavykeys_last_error());
  REQUIRE(status == HEAVYKEYS_OK);
}

/// What a function hands out: get<heavykeys_sketch>(heavykeys_sketch_create, &spec).
template <class T, class Function, class... Arguments>
Handle<T> made(Function function, Arguments... arguments) {
  T* handle = nullptr;
  ok(function(arguments..., &handle));
  REQUIRE(handle != nullptr);
  return Handle<T>(handle);
}

/// What an accessor answers.
template <class T, class Function, class Of>
T answer(Function function, const Of& of) {
  T value{};
  ok(function(of.get(), &value));
  return value;
}

/// `score` must live as long as the result.
inline heavykeys_spec c_spec(const heavykeys::Spec& spec, const char* score) {
  heavykeys_spec out;
  ok(heavykeys_spec_init(&out, sizeof out));
  out.dim = spec.dim;
  out.epsilon = spec.epsilon;
  out.score = score;
  out.block_rows = spec.block_rows;
  out.sample_rows = spec.sample_rows;
  out.seed = spec.seed;
  out.grid_bits = spec.grid_bits;
  return out;
}

inline heavykeys_rows c_rows(const heavykeys::Rows& rows) {
  return {rows.data,
          rows.count,
          rows.dim,
          rows.row_stride,
          rows.column_stride,
          rows.first_id,
          rows.stream,
          static_cast<heavykeys_dtype>(rows.dtype),
          0};
}

inline heavykeys_options c_options(heavykeys_engine engine, int threads = 0) {
  heavykeys_options options;
  ok(heavykeys_options_init(&options, sizeof options));
  options.engine = engine;
  options.threads = threads;
  return options;
}

/// One core, and the engines of this build.
inline std::vector<heavykeys_engine> engines() {
  std::vector<heavykeys_engine> engines{HEAVYKEYS_ENGINE_AUTO, HEAVYKEYS_ENGINE_ONE_CORE};
  if (HEAVYKEYS_TESTS_TBB) engines.push_back(HEAVYKEYS_ENGINE_TBB);
  if (HEAVYKEYS_TESTS_OPENMP) engines.push_back(HEAVYKEYS_ENGINE_OPENMP);
  return engines;
}

inline std::vector<std::byte> bytes_of(const heavykeys_sketch* sketch) {
  std::uint8_t* bytes = nullptr;
  std::uint64_t size = 0;
  ok(heavykeys_sketch_to_bytes(sketch, &bytes, &size));
  const auto* first = reinterpret_cast<const std::byte*>(bytes);
  std::vector<std::byte> copy(first, first + size);
  heavykeys_bytes_destroy(bytes);
  return copy;
}

inline std::vector<heavykeys::KeyId> ids_of(const heavykeys_key_id* ids, std::size_t count) {
  std::vector<heavykeys::KeyId> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back({ids[i].stream, ids[i].row});
  return out;
}

template <class T>
std::vector<T> copied(const T* data, std::size_t count) {
  return {data, data + count};
}

inline heavykeys::HeavyEntries entries_of(const Entries& entries) {
  const auto m = answer<std::uint64_t>(heavykeys_entries_query_count, entries);
  const auto nnz = answer<std::uint64_t>(heavykeys_entries_count, entries);
  return {copied(answer<const std::int64_t*>(heavykeys_entries_indptr, entries), m + 1),
          ids_of(answer<const heavykeys_key_id*>(heavykeys_entries_keys, entries), nnz),
          copied(answer<const double*>(heavykeys_entries_weights, entries), nnz),
          copied(answer<const double*>(heavykeys_entries_lower, entries), nnz),
          copied(answer<const double*>(heavykeys_entries_upper, entries), nnz)};
}

}  // namespace c_tests
