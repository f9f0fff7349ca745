// What is made of sketches and of queries: universal sets, entries, causal passes, scans.
#include <math.h>
#include <stddef.h>

#include "walk.h"

static heavykeys_universal_set* set_of_four(void) {
  heavykeys_sketch* sketch = sketch_of(0, 4);
  heavykeys_universal_set* set = NULL;
  OK(heavykeys_sketch_finalize(sketch, NULL, &set));
  heavykeys_sketch_destroy(sketch);  // the set does not need it
  return set;
}

static void universal_set(void) {
  heavykeys_universal_set *set = set_of_four(), *none = NULL;
  uint64_t size = 0, rows = 0, rank = 0;
  double bound = 0;
  const heavykeys_key_id* ids = NULL;
  const double *leverage = NULL, *keys = NULL;
  const int32_t* layer = NULL;
  FAILS(INVALID_INPUT, "set is NULL", heavykeys_universal_set_size(NULL, &size));
  FAILS(INVALID_INPUT, "size is NULL", heavykeys_universal_set_size(set, NULL));
  FAILS(INVALID_INPUT, "rows is NULL", heavykeys_universal_set_row_count(set, NULL));
  FAILS(INVALID_INPUT, "rank is NULL", heavykeys_universal_set_rank(set, NULL));
  FAILS(INVALID_INPUT, "set is NULL", heavykeys_universal_set_bound(NULL, &bound));
  FAILS(INVALID_INPUT, "set is NULL", heavykeys_universal_set_ids(NULL, &ids));
  FAILS(INVALID_INPUT, "ids is NULL", heavykeys_universal_set_ids(set, NULL));
  FAILS(INVALID_INPUT, "leverage is NULL", heavykeys_universal_set_leverage(set, NULL));
  FAILS(INVALID_INPUT, "layer is NULL", heavykeys_universal_set_layer(set, NULL));
  FAILS(INVALID_INPUT, "keys is NULL", heavykeys_universal_set_keys(set, NULL));
  CHECK(size == 0 && bound == 0 && ids == NULL);
  OK(heavykeys_universal_set_size(set, &size));
  OK(heavykeys_universal_set_row_count(set, &rows));
  OK(heavykeys_universal_set_rank(set, &rank));
  OK(heavykeys_universal_set_bound(set, &bound));
  OK(heavykeys_universal_set_ids(set, &ids));
  OK(heavykeys_universal_set_leverage(set, &leverage));
  OK(heavykeys_universal_set_layer(set, &layer));
  OK(heavykeys_universal_set_keys(set, &keys));
  CHECK(size == 2 && rows == 4 && rank == 3 && bound == 4.0);
  CHECK(ids[0].row == 1 && ids[1].row == 3 && ids[0].stream == 0 && ids[1].stream == 0);
  CHECK(fabs(leverage[0] - 1) < 1e-10 && fabs(leverage[1] - 1) < 1e-10 && layer[0] == 1 && layer[1] == 1);
  for (int c = 0; c < kDim; ++c) CHECK(keys[c] == kFour[kDim + c] && keys[kDim + c] == kFour[3 * kDim + c]);
  heavykeys_universal_set_destroy(set);
  heavykeys_universal_set_destroy(NULL);

  heavykeys_sketch* gap = sketch_of(2, 4);
  FAILS(INVALID_INPUT, "never arrived", heavykeys_sketch_finalize(gap, NULL, &none));
  FAILS(INVALID_INPUT, "sketch is NULL", heavykeys_sketch_finalize(NULL, NULL, &none));
  FAILS(INVALID_INPUT, "set is NULL", heavykeys_sketch_finalize(gap, NULL, NULL));
  CHECK(none == NULL);
  heavykeys_sketch_destroy(gap);
}

/// The entries of kQuery.
static void check_entries(const heavykeys_entries* entries, double least) {
  uint64_t queries = 0, count = 0;
  const int64_t* indptr = NULL;
  const heavykeys_key_id* keys = NULL;
  const double *weights = NULL, *lower = NULL, *upper = NULL;
  FAILS(INVALID_INPUT, "entries is NULL", heavykeys_entries_query_count(NULL, &queries));
  FAILS(INVALID_INPUT, "queries is NULL", heavykeys_entries_query_count(entries, NULL));
  FAILS(INVALID_INPUT, "count is NULL", heavykeys_entries_count(entries, NULL));
  FAILS(INVALID_INPUT, "indptr is NULL", heavykeys_entries_indptr(entries, NULL));
  FAILS(INVALID_INPUT, "keys is NULL", heavykeys_entries_keys(entries, NULL));
  FAILS(INVALID_INPUT, "weights is NULL", heavykeys_entries_weights(entries, NULL));
  FAILS(INVALID_INPUT, "lower is NULL", heavykeys_entries_lower(entries, NULL));
  FAILS(INVALID_INPUT, "entries is NULL", heavykeys_entries_upper(NULL, &upper));
  OK(heavykeys_entries_query_count(entries, &queries));
  OK(heavykeys_entries_count(entries, &count));
  OK(heavykeys_entries_indptr(entries, &indptr));
  OK(heavykeys_entries_keys(entries, &keys));
  OK(heavykeys_entries_weights(entries, &weights));
  OK(heavykeys_entries_lower(entries, &lower));
  OK(heavykeys_entries_upper(entries, &upper));
  const uint64_t want = least <= 4.0 / 13 ? 2 : 1;
  CHECK(queries == 1 && count == want && indptr[0] == 0 && indptr[1] == (int64_t)want);
  if (count != want) return;
  CHECK(keys[want - 1].row == 3 && fabs(weights[want - 1] - 9.0 / 13) < 1e-9);
  CHECK(want == 1 || (keys[0].row == 1 && fabs(weights[0] - 4.0 / 13) < 1e-9));
  for (uint64_t e = 0; e < count; ++e) CHECK(lower[e] <= weights[e] && weights[e] <= upper[e]);
}

static void heavy_entries(void) {
  heavykeys_spec spec = small_spec();
  spec.epsilon = 0.5;
  heavykeys_sketch* sketch = NULL;
  heavykeys_universal_set* set = NULL;
  heavykeys_entries* entries = NULL;
  const heavykeys_rows keys = rows_of(kFour, 4, 0), query = rows_of(kQuery, 1, 0);
  OK(heavykeys_sketch_create(&spec, &sketch));
  OK(heavykeys_sketch_absorb(sketch, &keys, NULL));
  OK(heavykeys_sketch_finalize(sketch, NULL, &set));
  heavykeys_rows wrong = query;
  wrong.dim = 2;
  FAILS(INVALID_INPUT, "set is NULL", heavykeys_heavy_entries(NULL, &query, 0, 0.0, NULL, &entries));
  FAILS(INVALID_INPUT, "queries is NULL", heavykeys_heavy_entries(set, NULL, 0, 0.0, NULL, &entries));
  FAILS(INVALID_INPUT, "entries is NULL", heavykeys_heavy_entries(set, &query, 0, 0.0, NULL, NULL));
  FAILS(INVALID_INPUT, "mode is 2", heavykeys_heavy_entries(set, &query, 2, 0.0, NULL, &entries));
  FAILS(INVALID_INPUT, "confidence", heavykeys_heavy_entries(set, &query, 0, -1.0, NULL, &entries));
  FAILS(INVALID_INPUT, "2 columns", heavykeys_heavy_entries(set, &wrong, 0, 0.0, NULL, &entries));
  CHECK(entries == NULL);
  OK(heavykeys_heavy_entries(set, &query, HEAVYKEYS_NO_FALSE_POSITIVES, 0.0, NULL, &entries));
  check_entries(entries, spec.epsilon);
  heavykeys_entries_destroy(entries);
  heavykeys_entries_destroy(NULL);
  heavykeys_universal_set_destroy(set);
  heavykeys_sketch_destroy(sketch);
}

static void causal(void) {
  heavykeys_spec spec = small_spec();
  spec.epsilon = 0.25;
  heavykeys_causal* pass = NULL;
  heavykeys_entries* entries = NULL;
  uint64_t next = 77;
  const heavykeys_rows query = rows_of(kQuery, 1, 0);
  heavykeys_rows keys = rows_of(kFour, 4, 0);
  FAILS(INVALID_INPUT, "spec is NULL", heavykeys_causal_create(NULL, &query, 4, 0, 0.0, &pass));
  FAILS(INVALID_INPUT, "queries is NULL", heavykeys_causal_create(&spec, NULL, 4, 0, 0.0, &pass));
  FAILS(INVALID_INPUT, "causal is NULL", heavykeys_causal_create(&spec, &query, 4, 0, 0.0, NULL));
  FAILS(INVALID_INPUT, "mode is -5", heavykeys_causal_create(&spec, &query, 4, -5, 0.0, &pass));
  CHECK(pass == NULL);
  OK(heavykeys_causal_create(&spec, &query, 4, HEAVYKEYS_NO_FALSE_NEGATIVES, 0.0, &pass));
  FAILS(INVALID_INPUT, "causal is NULL", heavykeys_causal_absorb(NULL, &keys, NULL));
  FAILS(INVALID_INPUT, "keys is NULL", heavykeys_causal_absorb(pass, NULL, NULL));
  FAILS(INVALID_INPUT, "causal is NULL", heavykeys_causal_next_row(NULL, &next));
  FAILS(INVALID_INPUT, "row is NULL", heavykeys_causal_next_row(pass, NULL));
  FAILS(INVALID_INPUT, "", heavykeys_causal_finish(pass, &entries));  // keys are missing
  FAILS(INVALID_INPUT, "causal is NULL", heavykeys_causal_finish(NULL, &entries));
  FAILS(INVALID_INPUT, "entries is NULL", heavykeys_causal_finish(pass, NULL));
  CHECK(entries == NULL && next == 77);
  keys.count = 3;
  OK(heavykeys_causal_absorb(pass, &keys, NULL));
  OK(heavykeys_causal_next_row(pass, &next));
  CHECK(next == 3);
  FAILS(INVALID_INPUT, "", heavykeys_causal_absorb(pass, &keys, NULL));  // not the next rows
  keys = rows_of(kFour + 3 * kDim, 1, 3);
  OK(heavykeys_causal_absorb(pass, &keys, NULL));
  OK(heavykeys_causal_finish(pass, &entries));
  check_entries(entries, spec.epsilon);
  heavykeys_entries_destroy(entries);
  FAILS(INVALID_INPUT, "taken before", heavykeys_causal_finish(pass, &entries));
  heavykeys_causal_destroy(pass);
  heavykeys_causal_destroy(NULL);
}

static void scan(void) {
  const heavykeys_rows query = rows_of(kQuery, 1, 0);
  heavykeys_rows keys = rows_of(kFour, 2, 0);
  heavykeys_scan *a = NULL, *b = NULL;
  heavykeys_entries* entries = NULL;
  uint64_t next = 77;
  FAILS(INVALID_INPUT, "score is NULL", heavykeys_scan_create(NULL, 0.25, &query, 0, 0, 0, &a));
  FAILS(INVALID_INPUT, "queries is NULL", heavykeys_scan_create("power:2", 0.25, NULL, 0, 0, 0, &a));
  FAILS(INVALID_INPUT, "scan is NULL", heavykeys_scan_create("power:2", 0.25, &query, 0, 0, 0, NULL));
  FAILS(INVALID_INPUT, "causal is 2", heavykeys_scan_create("power:2", 0.25, &query, 0, 2, 0, &a));
  FAILS(INVALID_INPUT, "key_count is 0", heavykeys_scan_create("power:2", 0.25, &query, 0, 1, 0, &a));
  FAILS(INVALID_INPUT, "mode is 9", heavykeys_scan_create("power:2", 0.25, &query, 0, 0, 9, &a));
  FAILS(INVALID_INPUT, "epsilon", heavykeys_scan_create("power:2", 2.0, &query, 0, 0, 0, &a));
  FAILS(INVALID_INPUT, "tolerance is 0.5",
        heavykeys_scan_create_with_tolerance("power:2", 0.25, &query, 0, 0, 0, 0.5, &a));
  FAILS(INVALID_INPUT, "not known", heavykeys_scan_create("sine", 0.25, &query, 0, 0, 0, &a));
  CHECK(a == NULL);
  OK(heavykeys_scan_create("power:2", 0.25, &query, 4, 1, HEAVYKEYS_NO_FALSE_NEGATIVES, &a));
  OK(heavykeys_scan_create("power:2", 0.25, &query, 4, 1, HEAVYKEYS_NO_FALSE_NEGATIVES, &b));
  FAILS(INVALID_INPUT, "scan is NULL", heavykeys_scan_absorb(NULL, &keys, NULL));
  FAILS(INVALID_INPUT, "keys is NULL", heavykeys_scan_absorb(a, NULL, NULL));
  OK(heavykeys_scan_absorb(a, &keys, NULL));
  FAILS(INCOMPATIBLE, "", heavykeys_scan_absorb(a, &keys, NULL));
  FAILS(INVALID_INPUT, "2 of 4 keys", heavykeys_scan_finish(a, &entries));
  keys = rows_of(kFour + 2 * kDim, 2, 2);
  OK(heavykeys_scan_absorb(b, &keys, NULL));
  FAILS(INVALID_INPUT, "into is NULL", heavykeys_scan_merge(NULL, b));
  FAILS(INVALID_INPUT, "from is NULL", heavykeys_scan_merge(a, NULL));
  FAILS(INVALID_INPUT, "scan is NULL", heavykeys_scan_next_row(NULL, &next));
  FAILS(INVALID_INPUT, "row is NULL", heavykeys_scan_next_row(a, NULL));
  FAILS(INVALID_INPUT, "scan is NULL", heavykeys_scan_finish(NULL, &entries));
  FAILS(INVALID_INPUT, "entries is NULL", heavykeys_scan_finish(a, NULL));
  CHECK(entries == NULL && next == 77);
  OK(heavykeys_scan_merge(a, b));
  FAILS(INCOMPATIBLE, "both", heavykeys_scan_merge(a, b));
  FAILS(INCOMPATIBLE, "both", heavykeys_scan_merge(a, a));
  OK(heavykeys_scan_next_row(a, &next));
  CHECK(next == 4);
  OK(heavykeys_scan_finish(a, &entries));
  check_entries(entries, 0.25);
  heavykeys_entries_destroy(entries);
  FAILS(INVALID_INPUT, "taken before", heavykeys_scan_finish(a, &entries));
  heavykeys_scan_destroy(a);
  heavykeys_scan_destroy(b);
  heavykeys_scan_destroy(NULL);
}

/// No keys, no queries, no entries: answers, not errors.
static void emptiness(void) {
  heavykeys_sketch *sketch = sketch_of(0, 0), *back = NULL;
  heavykeys_universal_set* set = NULL;
  heavykeys_entries* entries = NULL;
  const heavykeys_rows none = rows_of(NULL, 0, 0), query = rows_of(kQuery, 1, 0);
  uint64_t size = 77, count = 77;
  double bound = -1;
  uint8_t* bytes = NULL;
  OK(heavykeys_sketch_merge(sketch, sketch));
  OK(heavykeys_sketch_to_bytes(sketch, &bytes, &size));
  OK(heavykeys_sketch_from_bytes(bytes, size, &back));
  OK(heavykeys_sketch_finalize(back, NULL, &set));
  OK(heavykeys_universal_set_size(set, &count));
  OK(heavykeys_universal_set_bound(set, &bound));
  CHECK(count == 0 && bound == 0.0);
  OK(heavykeys_heavy_entries(set, &query, HEAVYKEYS_NO_FALSE_NEGATIVES, 0.0, NULL, &entries));
  OK(heavykeys_entries_count(entries, &count));
  OK(heavykeys_entries_query_count(entries, &size));
  CHECK(count == 0 && size == 1);
  heavykeys_entries_destroy(entries);
  OK(heavykeys_heavy_entries(set, &none, HEAVYKEYS_NO_FALSE_NEGATIVES, 0.0, NULL, &entries));
  OK(heavykeys_entries_query_count(entries, &size));
  CHECK(size == 0);
  heavykeys_entries_destroy(entries);
  heavykeys_scan* scan = NULL;
  OK(heavykeys_scan_create("softmax", 0.5, &none, 0, 0, HEAVYKEYS_NO_FALSE_NEGATIVES, &scan));
  OK(heavykeys_scan_finish(scan, &entries));
  OK(heavykeys_entries_query_count(entries, &size));
  CHECK(size == 0);
  heavykeys_entries_destroy(entries);
  heavykeys_scan_destroy(scan);
  heavykeys_bytes_destroy(bytes);
  heavykeys_universal_set_destroy(set);
  heavykeys_sketch_destroy(back);
  heavykeys_sketch_destroy(sketch);
}

void walk_answers(void) {
  universal_set();
  heavy_entries();
  causal();
  scan();
  emptiness();
}
