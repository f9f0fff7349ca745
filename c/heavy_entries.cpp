// Heavy entries of queries, from a universal set and causally.
#include "heavykeys/heavy_entries.hpp"

#include <memory>
#include <utility>

#include "c/guard.hpp"
#include "c/handles.hpp"
#include "c/structs.hpp"
#include "heavykeys/parallel.hpp"

using namespace heavykeys::c;

heavykeys_status heavykeys_heavy_entries(const heavykeys_universal_set* set, const heavykeys_rows* queries,
                                         heavykeys_mode mode, double confidence,
                                         const heavykeys_options* options, heavykeys_entries** entries) {
  return guarded([&] {
    require(set, "set");
    require(entries, "entries");
    const heavykeys::Rows rows = rows_of(queries, "queries");
    const heavykeys::HeavyOptions what{mode_of(mode), confidence};
    const Run run(options);
    heavykeys::HeavyEntries found =
        run.threads() ? heavykeys::parallel::heavy_entries(set->value, rows, *run.threads(), what)
                      : heavykeys::heavy_entries(set->value, rows, what);
    *entries = new heavykeys_entries{std::move(found)};
  });
}

heavykeys_status heavykeys_causal_create(const heavykeys_spec* spec, const heavykeys_rows* queries,
                                         uint64_t key_count, heavykeys_mode mode, double confidence,
                                         heavykeys_causal** causal) {
  return guarded([&] {
    require(causal, "causal");
    const heavykeys::Spec of = spec_of(spec);
    const heavykeys::Rows rows = rows_of(queries, "queries");
    const heavykeys::HeavyOptions what{mode_of(mode), confidence};
    *causal = new heavykeys_causal{heavykeys::CausalHeavy(of, rows, key_count, what)};
  });
}

void heavykeys_causal_destroy(heavykeys_causal* causal) { delete causal; }

heavykeys_status heavykeys_causal_absorb(heavykeys_causal* causal, const heavykeys_rows* keys,
                                         const heavykeys_options* options) {
  return guarded([&] {
    require(causal, "causal");
    const heavykeys::Rows rows = rows_of(keys, "keys");
    const Run run(options);
    if (run.threads()) {
      heavykeys::parallel::absorb(causal->value, rows, *run.threads());
    } else {
      causal->value.absorb(rows);
    }
  });
}

heavykeys_status heavykeys_causal_next_row(const heavykeys_causal* causal, uint64_t* row) {
  return guarded([&] {
    require(causal, "causal");
    require(row, "row");
    *row = causal->value.next_row();
  });
}

heavykeys_status heavykeys_causal_finish(heavykeys_causal* causal, heavykeys_entries** entries) {
  return guarded([&] {
    require(causal, "causal");
    require(entries, "entries");
    auto handle = std::make_unique<heavykeys_entries>();  // first: what is taken out must not be lost
    handle->value = causal->value.finish();
    *entries = handle.release();
  });
}
