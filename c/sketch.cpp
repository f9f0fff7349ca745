#include "heavykeys/sketch.hpp"

#include <memory>

#include "c/guard.hpp"
#include "c/handles.hpp"
#include "c/structs.hpp"
#include "heavykeys/parallel.hpp"
#include "heavykeys/streaming.hpp"

using namespace heavykeys::c;

heavykeys_status heavykeys_sketch_create(const heavykeys_spec* spec, heavykeys_sketch** sketch) {
  return guarded([&] {
    require(sketch, "sketch");
    *sketch = new heavykeys_sketch(heavykeys::Sketch(spec_of(spec)));
  });
}

heavykeys_status heavykeys_sketch_clone(const heavykeys_sketch* sketch, heavykeys_sketch** copy) {
  return guarded([&] {
    require(sketch, "sketch");
    require(copy, "copy");
    *copy = new heavykeys_sketch(*sketch);
  });
}

void heavykeys_sketch_destroy(heavykeys_sketch* sketch) { delete sketch; }

heavykeys_status heavykeys_sketch_absorb(heavykeys_sketch* sketch, const heavykeys_rows* keys,
                                         const heavykeys_options* options) {
  return guarded([&] {
    require(sketch, "sketch");
    const heavykeys::Rows rows = rows_of(keys, "keys");
    const Run run(options);
    if (run.threads()) {
      heavykeys::parallel::absorb(sketch->value, rows, *run.threads());
    } else {
      heavykeys::streaming::absorb(sketch->value, rows);
    }
  });
}

heavykeys_status heavykeys_sketch_merge(heavykeys_sketch* into, const heavykeys_sketch* from) {
  return guarded([&] {
    require(into, "into");
    require(from, "from");
    merge(into->value, from->value);
  });
}

heavykeys_status heavykeys_sketch_finalize(const heavykeys_sketch* sketch, const heavykeys_options* options,
                                           heavykeys_universal_set** set) {
  return guarded([&] {
    require(sketch, "sketch");
    require(set, "set");
    const Run run(options);
    *set = new heavykeys_universal_set{finalize(sketch->value)};
  });
}

heavykeys_status heavykeys_sketch_spec(const heavykeys_sketch* sketch, heavykeys_spec* spec) {
  return guarded([&] {
    require(sketch, "sketch");
    require(spec, "spec");
    fill_in(spec, sketch->value.spec(), sketch->score.c_str());
  });
}

heavykeys_status heavykeys_sketch_row_count(const heavykeys_sketch* sketch, uint64_t* rows) {
  return guarded([&] {
    require(sketch, "sketch");
    require(rows, "rows");
    *rows = sketch->value.row_count();
  });
}

heavykeys_status heavykeys_sketch_next_row(const heavykeys_sketch* sketch, uint64_t stream, uint64_t* row) {
  return guarded([&] {
    require(sketch, "sketch");
    require(row, "row");
    *row = sketch->value.next_row(stream);
  });
}

heavykeys_status heavykeys_sketch_memory_bytes(const heavykeys_sketch* sketch, uint64_t* bytes) {
  return guarded([&] {
    require(sketch, "sketch");
    require(bytes, "bytes");
    *bytes = sketch->value.memory_bytes();
  });
}
