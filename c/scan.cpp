#include "heavykeys/scan.hpp"

#include <memory>
#include <string>

#include "c/guard.hpp"
#include "c/handles.hpp"
#include "c/structs.hpp"
#include "heavykeys/error.hpp"
#include "heavykeys/parallel.hpp"

using namespace heavykeys::c;

heavykeys_status heavykeys_scan_create(const char* score, double epsilon, const heavykeys_rows* queries,
                                       uint64_t key_count, int32_t causal, heavykeys_mode mode,
                                       heavykeys_scan** scan) {
  return heavykeys_scan_create_with_tolerance(score, epsilon, queries, key_count, causal, mode,
                                              heavykeys::ScanOptions().tolerance, scan);
}

heavykeys_status heavykeys_scan_create_with_tolerance(const char* score, double epsilon,
                                                      const heavykeys_rows* queries, uint64_t key_count,
                                                      int32_t causal, heavykeys_mode mode, double tolerance,
                                                      heavykeys_scan** scan) {
  return guarded([&] {
    require(score, "score");
    require(scan, "scan");
    const heavykeys::Rows rows = rows_of(queries, "queries");
    if (causal != 0 && causal != 1) {
      throw heavykeys::InvalidInput("causal is " + std::to_string(causal) + "; it must be 0 or 1");
    }
    // To C++ this is a scan of no keys; here 0 says that n is not known.
    if (causal == 1 && key_count == 0) {
      throw heavykeys::InvalidInput("key_count is 0; a causal scan must know how many keys will come");
    }
    const heavykeys::ScanOptions options{causal == 1, key_count, mode_of(mode), tolerance};
    *scan = new heavykeys_scan{heavykeys::Scan(heavykeys::Score::from_name(score), epsilon, rows, options)};
  });
}

void heavykeys_scan_destroy(heavykeys_scan* scan) { delete scan; }

heavykeys_status heavykeys_scan_absorb(heavykeys_scan* scan, const heavykeys_rows* keys,
                                       const heavykeys_options* options) {
  return guarded([&] {
    require(scan, "scan");
    const heavykeys::Rows rows = rows_of(keys, "keys");
    const Run run(options);
    if (run.threads()) {
      heavykeys::parallel::absorb(scan->value, rows, *run.threads());
    } else {
      scan->value.absorb(rows);
    }
  });
}

heavykeys_status heavykeys_scan_merge(heavykeys_scan* into, const heavykeys_scan* from) {
  return guarded([&] {
    require(into, "into");
    require(from, "from");
    merge(into->value, from->value);
  });
}

heavykeys_status heavykeys_scan_next_row(const heavykeys_scan* scan, uint64_t* row) {
  return guarded([&] {
    require(scan, "scan");
    require(row, "row");
    *row = scan->value.next_row();
  });
}

heavykeys_status heavykeys_scan_finish(heavykeys_scan* scan, heavykeys_entries** entries) {
  return guarded([&] {
    require(scan, "scan");
    require(entries, "entries");
    auto handle = std::make_unique<heavykeys_entries>();  // first: what is taken out must not be lost
    handle->value = scan->value.finish();
    *entries = handle.release();
  });
}
