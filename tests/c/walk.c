// A caller in C11 goes over every function of heavykeys.h: what it answers, and every error it can be brought
// to, with the output left alone. (tests/c/test_abi.py checks that none is forgotten.)
//
//   walk FOLDER     where files may be written
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heavykeys/heavykeys.h"

static int g_failures = 0, g_checks = 0;

static void check(int holds, int line, const char* text) {
  ++g_checks;
  if (holds) return;
  ++g_failures;
  fprintf(stderr, "walk.c:%d: %s (last error: %s)\n", line, text, heavykeys_last_error());
}

/// The status is `want`, and the text of the error holds `part`.
static void check_error(heavykeys_status status, heavykeys_status want, const char* part, int line,
                        const char* text) {
  check(status == want, line, text);
  check(strstr(heavykeys_last_error(), part) != NULL, line, part);
}

#define CHECK(condition) check((condition) != 0, __LINE__, #condition)
#define OK(call) check((call) == HEAVYKEYS_OK, __LINE__, #call)
#define FAILS(status, part, call) check_error((call), HEAVYKEYS_##status, part, __LINE__, #call)

enum { kKeys = 4, kDim = 3 };
static const float kFour[] = {1, 0, 0, /**/ 0, 2, 0, /**/ 1, 0, 0, /**/ 0, 0, 3};

static heavykeys_spec small_spec(void) {
  heavykeys_spec spec;
  OK(heavykeys_spec_init(&spec, sizeof spec));
  spec.dim = kDim;
  spec.epsilon = 0.75;
  return spec;
}

static heavykeys_rows rows_of(const float* data, uint64_t count, uint64_t first_id) {
  heavykeys_rows rows;
  OK(heavykeys_rows_init(&rows, data, HEAVYKEYS_F32, count, kDim));
  rows.first_id = first_id;
  return rows;
}

/// A sketch of rows begin .. end - 1 of the four.
static heavykeys_sketch* sketch_of(uint64_t begin, uint64_t end) {
  const heavykeys_spec spec = small_spec();
  const heavykeys_rows rows = rows_of(kFour + kDim * begin, end - begin, begin);
  heavykeys_sketch* sketch = NULL;
  OK(heavykeys_sketch_create(&spec, &sketch));
  OK(heavykeys_sketch_absorb(sketch, &rows, NULL));
  return sketch;
}

static void texts(void) {
  CHECK(strcmp(heavykeys_last_error(), "") == 0);  // nothing has failed yet
  const char* names[] = {"OK",        "INVALID_INPUT", "INCOMPATIBLE", "CORRUPT", "BACKEND_ERROR",
                         "CANCELLED", "OUT_OF_MEMORY", "INTERNAL",     "UNKNOWN"};
  for (int32_t s = 0; s < 9; ++s) CHECK(strcmp(heavykeys_status_name(s), names[s]) == 0);
  CHECK(strcmp(heavykeys_status_name(-1), "UNKNOWN") == 0);
  int major = -1, minor = -1, patch = -1;
  CHECK(sscanf(heavykeys_version(), "%d.%d.%d", &major, &minor, &patch) == 3);
  CHECK(heavykeys_c_revision() == HEAVYKEYS_C_REVISION);
}

static void specs(void) {
  heavykeys_spec spec;
  memset(&spec, 0xAB, sizeof spec);
  FAILS(INVALID_INPUT, "spec is NULL", heavykeys_spec_init(NULL, sizeof spec));
  FAILS(INVALID_INPUT, "spec.struct_size is 8", heavykeys_spec_init(&spec, 8));
  FAILS(INVALID_INPUT, "spec.struct_size is 5000", heavykeys_spec_init(&spec, 5000));
  CHECK(((unsigned char*)&spec)[0] == 0xAB);
  OK(heavykeys_spec_init(&spec, sizeof spec));
  CHECK(spec.struct_size == sizeof spec && spec.dim == 0 && spec.epsilon == 0 &&
        strcmp(spec.score, "power:2") == 0);
  CHECK(spec.block_rows == 4096 && spec.sample_rows == 1024 && spec.seed == 0 && spec.grid_bits == 24);

  heavykeys_sketch* sketch = NULL;
  const heavykeys_spec good = small_spec();
  FAILS(INVALID_INPUT, "dim is 0", heavykeys_sketch_create(&spec, &sketch));
  FAILS(INVALID_INPUT, "spec is NULL", heavykeys_sketch_create(NULL, &sketch));
  FAILS(INVALID_INPUT, "sketch is NULL", heavykeys_sketch_create(&good, NULL));
  spec = good, spec.score = NULL;
  FAILS(INVALID_INPUT, "spec.score is NULL", heavykeys_sketch_create(&spec, &sketch));
  spec = good, spec.score = "softmax:1";
  FAILS(INVALID_INPUT, "softmax", heavykeys_sketch_create(&spec, &sketch));
  spec = good, spec.score = "tanh";
  FAILS(INVALID_INPUT, "\"tanh\" is not known", heavykeys_sketch_create(&spec, &sketch));
  spec = good, spec.epsilon = 1.5;
  FAILS(INVALID_INPUT, "epsilon is 1.5", heavykeys_sketch_create(&spec, &sketch));
  spec = good, spec.epsilon = NAN;
  FAILS(INVALID_INPUT, "epsilon", heavykeys_sketch_create(&spec, &sketch));
  spec = good, spec.reserved = 1;
  FAILS(INVALID_INPUT, "reserved", heavykeys_sketch_create(&spec, &sketch));
  spec = good, spec.struct_size = 0;  // never initialised
  FAILS(INVALID_INPUT, "struct_size is 0", heavykeys_sketch_create(&spec, &sketch));
  CHECK(sketch == NULL);

  // A caller whose header is newer: fields that this library does not know are fine while they are 0.
  struct {
    heavykeys_spec known;
    double unknown;
  } longer;
  memset(&longer, 0xAB, sizeof longer);
  OK(heavykeys_spec_init(&longer.known, sizeof longer));
  CHECK(longer.known.struct_size == sizeof longer && longer.unknown == 0.0);
  longer.known.dim = kDim, longer.known.epsilon = 0.75;
  OK(heavykeys_sketch_create(&longer.known, &sketch));
  heavykeys_sketch_destroy(sketch);
  sketch = NULL;
  longer.unknown = 1;
  FAILS(INVALID_INPUT, "does not know", heavykeys_sketch_create(&longer.known, &sketch));
  CHECK(sketch == NULL);
}

static void rows(void) {
  heavykeys_rows rows;
  memset(&rows, 0xAB, sizeof rows);
  FAILS(INVALID_INPUT, "rows is NULL", heavykeys_rows_init(NULL, kFour, HEAVYKEYS_F32, 4, 3));
  FAILS(INVALID_INPUT, "rows.dtype is 7", heavykeys_rows_init(&rows, kFour, 7, 4, 3));
  FAILS(INVALID_INPUT, "rows.data is NULL", heavykeys_rows_init(&rows, NULL, HEAVYKEYS_F32, 4, 3));
  FAILS(INVALID_INPUT, "not aligned",
        heavykeys_rows_init(&rows, (const char*)kFour + 1, HEAVYKEYS_F32, 1, 1));
  FAILS(INVALID_INPUT, "address space", heavykeys_rows_init(&rows, kFour, HEAVYKEYS_F32, UINT64_MAX, 3));
  FAILS(INVALID_INPUT, "address space",
        heavykeys_rows_init(&rows, kFour, HEAVYKEYS_F64, 1, (uint64_t)1 << 61));
  CHECK(((unsigned char*)&rows)[0] == 0xAB);
  OK(heavykeys_rows_init(&rows, NULL, HEAVYKEYS_F32, 0, 3));  // nothing to read
  OK(heavykeys_rows_init(&rows, kFour, HEAVYKEYS_F32, 4, 3));
  CHECK(rows.data == kFour && rows.count == 4 && rows.dim == 3 && rows.row_stride == 3 &&
        rows.column_stride == 1);
  CHECK(rows.first_id == 0 && rows.stream == 0 && rows.dtype == HEAVYKEYS_F32 && rows.reserved == 0);
}

static void sketches(void) {
  heavykeys_sketch* sketch = sketch_of(0, 4);
  uint64_t number = 77;
  OK(heavykeys_sketch_row_count(sketch, &number));
  CHECK(number == 4);
  OK(heavykeys_sketch_next_row(sketch, 0, &number));
  CHECK(number == 4);
  OK(heavykeys_sketch_next_row(sketch, 9, &number));
  CHECK(number == 0);
  OK(heavykeys_sketch_memory_bytes(sketch, &number));
  CHECK(number > 0);
  number = 77;
  FAILS(INVALID_INPUT, "sketch is NULL", heavykeys_sketch_row_count(NULL, &number));
  FAILS(INVALID_INPUT, "rows is NULL", heavykeys_sketch_row_count(sketch, NULL));
  FAILS(INVALID_INPUT, "sketch is NULL", heavykeys_sketch_next_row(NULL, 0, &number));
  FAILS(INVALID_INPUT, "row is NULL", heavykeys_sketch_next_row(sketch, 0, NULL));
  FAILS(INVALID_INPUT, "sketch is NULL", heavykeys_sketch_memory_bytes(NULL, &number));
  FAILS(INVALID_INPUT, "bytes is NULL", heavykeys_sketch_memory_bytes(sketch, NULL));
  CHECK(number == 77);

  heavykeys_spec spec = small_spec();
  spec.epsilon = 0.1;
  OK(heavykeys_sketch_spec(sketch, &spec));
  CHECK(spec.dim == kDim && spec.epsilon == 0.75 && strcmp(spec.score, "power:2") == 0 &&
        spec.grid_bits == 24);
  FAILS(INVALID_INPUT, "sketch is NULL", heavykeys_sketch_spec(NULL, &spec));
  FAILS(INVALID_INPUT, "spec is NULL", heavykeys_sketch_spec(sketch, NULL));
  spec.struct_size = 1;
  FAILS(INVALID_INPUT, "struct_size is 1", heavykeys_sketch_spec(sketch, &spec));

  heavykeys_sketch* copy = NULL;
  OK(heavykeys_sketch_clone(sketch, &copy));
  heavykeys_sketch_destroy(sketch);  // the copy does not mind
  OK(heavykeys_sketch_row_count(copy, &number));
  CHECK(number == 4);
  sketch = NULL;
  FAILS(INVALID_INPUT, "sketch is NULL", heavykeys_sketch_clone(NULL, &sketch));
  FAILS(INVALID_INPUT, "copy is NULL", heavykeys_sketch_clone(copy, NULL));
  CHECK(sketch == NULL);
  heavykeys_sketch_destroy(copy);
  heavykeys_sketch_destroy(NULL);
}

static void absorbing(void) {
  heavykeys_sketch* sketch = sketch_of(0, 2);
  uint64_t count = 0;
  heavykeys_rows keys = rows_of(kFour, 2, 0);
  FAILS(INCOMPATIBLE, "absorbed before", heavykeys_sketch_absorb(sketch, &keys, NULL));
  FAILS(INVALID_INPUT, "sketch is NULL", heavykeys_sketch_absorb(NULL, &keys, NULL));
  FAILS(INVALID_INPUT, "keys is NULL", heavykeys_sketch_absorb(sketch, NULL, NULL));
  keys.first_id = 2, keys.dim = 2;
  FAILS(INVALID_INPUT, "dim", heavykeys_sketch_absorb(sketch, &keys, NULL));
  keys.dim = kDim, keys.dtype = -1;
  FAILS(INVALID_INPUT, "keys.dtype is -1", heavykeys_sketch_absorb(sketch, &keys, NULL));
  keys.dtype = HEAVYKEYS_F32, keys.reserved = 3;
  FAILS(INVALID_INPUT, "keys.reserved", heavykeys_sketch_absorb(sketch, &keys, NULL));
  keys.reserved = 0, keys.data = NULL;
  FAILS(INVALID_INPUT, "keys.data is NULL", heavykeys_sketch_absorb(sketch, &keys, NULL));
  keys.data = kFour, keys.row_stride = INT64_MIN;
  FAILS(INVALID_INPUT, "address space", heavykeys_sketch_absorb(sketch, &keys, NULL));
  keys.row_stride = INT64_MAX / 2;
  FAILS(INVALID_INPUT, "address space", heavykeys_sketch_absorb(sketch, &keys, NULL));
  keys.row_stride = kDim, keys.first_id = UINT64_MAX;
  FAILS(INVALID_INPUT, "2^62", heavykeys_sketch_absorb(sketch, &keys, NULL));
  float bad[2 * kDim] = {0};
  bad[kDim + 1] = INFINITY;
  keys = rows_of(bad, 2, 2);
  FAILS(INVALID_INPUT, "row 3", heavykeys_sketch_absorb(sketch, &keys, NULL));

  heavykeys_options options;
  memset(&options, 0xAB, sizeof options);
  FAILS(INVALID_INPUT, "options is NULL", heavykeys_options_init(NULL, sizeof options));
  FAILS(INVALID_INPUT, "options.struct_size is 3", heavykeys_options_init(&options, 3));
  OK(heavykeys_options_init(&options, sizeof options));
  CHECK(options.engine == HEAVYKEYS_ENGINE_AUTO && options.threads == 0 && options.report == NULL);
  CHECK(options.user == NULL && options.report_seconds == 0.05);
  keys = rows_of(kFour + 2 * kDim, 2, 2);
  options.engine = 4;
  FAILS(INVALID_INPUT, "options.engine is 4", heavykeys_sketch_absorb(sketch, &keys, &options));
  options.engine = HEAVYKEYS_ENGINE_AUTO, options.threads = -1;
  FAILS(INVALID_INPUT, "threads is -1", heavykeys_sketch_absorb(sketch, &keys, &options));
  options.threads = 1, options.struct_size = 0;
  FAILS(INVALID_INPUT, "options.struct_size is 0", heavykeys_sketch_absorb(sketch, &keys, &options));
  OK(heavykeys_sketch_row_count(sketch, &count));
  CHECK(count == 2);  // nothing of all this came in

  options.struct_size = sizeof options, options.engine = HEAVYKEYS_ENGINE_ONE_CORE;
  OK(heavykeys_sketch_absorb(sketch, &keys, &options));
  keys.count = 0, keys.data = NULL;
  OK(heavykeys_sketch_absorb(sketch, &keys, NULL));
  OK(heavykeys_sketch_row_count(sketch, &count));
  CHECK(count == 4);
  heavykeys_sketch_destroy(sketch);
}

/// Counts its calls, and asks to stop at the one that *user names.
struct Watch {
  int calls, stop_at;
};
static int32_t watch(const char* call, double fraction, void* user) {
  struct Watch* seen = user;
  CHECK(strlen(call) > 0 && fraction >= 0.0 && fraction <= 1.0);
  return ++seen->calls == seen->stop_at;
}

static void reports(void) {
  enum { kMany = 20000 };
  float* many = calloc((size_t)kMany * kDim, sizeof(float));
  if (many == NULL) exit(1);
  for (int i = 0; i < kMany; ++i) many[i * kDim + i % kDim] = 1.0f;
  heavykeys_sketch* sketch = sketch_of(0, 0);
  const heavykeys_rows keys = rows_of(many, kMany, 0);
  struct Watch seen = {0, 1};
  heavykeys_options options;
  OK(heavykeys_options_init(&options, sizeof options));
  options.report = watch, options.user = &seen, options.report_seconds = -1.0;
  FAILS(INVALID_INPUT, "report_seconds is -1", heavykeys_sketch_absorb(sketch, &keys, &options));
  options.report_seconds = NAN;
  FAILS(INVALID_INPUT, "report_seconds", heavykeys_sketch_absorb(sketch, &keys, &options));
  CHECK(seen.calls == 0);
  options.report_seconds = 0.0;
  FAILS(CANCELLED, "cancelled", heavykeys_sketch_absorb(sketch, &keys, &options));
  CHECK(seen.calls == 1);
  uint64_t count = 77;
  OK(heavykeys_sketch_row_count(sketch, &count));
  CHECK(count == 0);
  seen.stop_at = 0;  // the same call again, to its end
  OK(heavykeys_sketch_absorb(sketch, &keys, &options));
  CHECK(seen.calls > 1);
  heavykeys_sketch_destroy(sketch);
  free(many);
}

static void merging(void) {
  heavykeys_sketch *a = sketch_of(0, 2), *b = sketch_of(2, 4), *other = NULL;
  heavykeys_spec spec = small_spec();
  spec.epsilon = 0.5;
  OK(heavykeys_sketch_create(&spec, &other));
  FAILS(INVALID_INPUT, "into is NULL", heavykeys_sketch_merge(NULL, b));
  FAILS(INVALID_INPUT, "from is NULL", heavykeys_sketch_merge(a, NULL));
  FAILS(INCOMPATIBLE, "epsilon=0.5", heavykeys_sketch_merge(a, other));
  FAILS(INCOMPATIBLE, "both", heavykeys_sketch_merge(a, a));
  OK(heavykeys_sketch_merge(a, b));
  FAILS(INCOMPATIBLE, "both", heavykeys_sketch_merge(a, b));
  uint64_t count = 0;
  OK(heavykeys_sketch_row_count(a, &count));
  CHECK(count == 4);
  heavykeys_sketch_destroy(a);
  heavykeys_sketch_destroy(b);
  heavykeys_sketch_destroy(other);
}

static void bytes_and_files(const char* folder) {
  heavykeys_sketch *sketch = sketch_of(0, 4), *back = NULL;
  uint8_t *bytes = NULL, *again = NULL;
  uint64_t size = 77, size_again = 0;
  FAILS(INVALID_INPUT, "sketch is NULL", heavykeys_sketch_to_bytes(NULL, &bytes, &size));
  FAILS(INVALID_INPUT, "bytes is NULL", heavykeys_sketch_to_bytes(sketch, NULL, &size));
  FAILS(INVALID_INPUT, "size is NULL", heavykeys_sketch_to_bytes(sketch, &bytes, NULL));
  CHECK(bytes == NULL && size == 77);
  OK(heavykeys_sketch_to_bytes(sketch, &bytes, &size));

  FAILS(INVALID_INPUT, "bytes is NULL", heavykeys_sketch_from_bytes(NULL, size, &back));
  FAILS(INVALID_INPUT, "sketch is NULL", heavykeys_sketch_from_bytes(bytes, size, NULL));
  FAILS(CORRUPT, "", heavykeys_sketch_from_bytes(NULL, 0, &back));
  FAILS(CORRUPT, "", heavykeys_sketch_from_bytes(bytes, size - 1, &back));
  bytes[size / 2] ^= 1;
  FAILS(CORRUPT, "", heavykeys_sketch_from_bytes(bytes, size, &back));
  bytes[size / 2] ^= 1;
  CHECK(back == NULL);
  OK(heavykeys_sketch_from_bytes(bytes, size, &back));
  OK(heavykeys_sketch_to_bytes(back, &again, &size_again));
  CHECK(size_again == size && memcmp(again, bytes, size) == 0);
  heavykeys_bytes_destroy(again);
  heavykeys_sketch_destroy(back);

  char path[1024], nowhere[1100];
  snprintf(path, sizeof path, "%s/walk.hks", folder);
  snprintf(nowhere, sizeof nowhere, "%s.none/walk.hks", path);
  back = NULL;
  FAILS(INVALID_INPUT, "sketch is NULL", heavykeys_sketch_save(NULL, path));
  FAILS(INVALID_INPUT, "path is NULL", heavykeys_sketch_save(sketch, NULL));
  FAILS(BACKEND_ERROR, "walk.hks", heavykeys_sketch_save(sketch, nowhere));
  FAILS(INVALID_INPUT, "path is NULL", heavykeys_sketch_load(NULL, &back));
  FAILS(INVALID_INPUT, "sketch is NULL", heavykeys_sketch_load(path, NULL));
  FAILS(BACKEND_ERROR, "walk.hks", heavykeys_sketch_load(nowhere, &back));
  OK(heavykeys_sketch_save(sketch, path));
  FILE* file = fopen(path, "rb");
  uint8_t* stored = malloc(size + 1);
  CHECK(file != NULL && stored != NULL);
  if (file == NULL || stored == NULL) exit(1);
  CHECK(fread(stored, 1, size + 1, file) == size && memcmp(stored, bytes, size) == 0);
  fclose(file);
  free(stored);
  OK(heavykeys_sketch_load(path, &back));
  heavykeys_sketch_destroy(back);
  back = NULL;
  file = fopen(path, "wb");
  CHECK(file != NULL && fputs("no sketch", file) >= 0 && fclose(file) == 0);
  FAILS(CORRUPT, "walk.hks", heavykeys_sketch_load(path, &back));
  CHECK(back == NULL);
  remove(path);
  heavykeys_bytes_destroy(bytes);
  heavykeys_bytes_destroy(NULL);
  heavykeys_sketch_destroy(sketch);
}

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

/// The weights of the query (0, 1, 1) among the four: row 1 has 4/13, row 3 has 9/13.
static const float kQuery[] = {0, 1, 1};

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
  FAILS(INVALID_INPUT, "mode is 9", heavykeys_scan_create("power:2", 0.25, &query, 0, 0, 9, &a));
  FAILS(INVALID_INPUT, "epsilon", heavykeys_scan_create("power:2", 2.0, &query, 0, 0, 0, &a));
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

/// DLPack as its header has it; dlpack.h itself need not be there.
typedef struct {
  int32_t device_type, device_id;
} Device;
typedef struct {
  uint8_t code, bits;
  uint16_t lanes;
} DataType;
typedef struct {
  void* data;
  Device device;
  int32_t ndim;
  DataType dtype;
  int64_t *shape, *strides;
  uint64_t byte_offset;
} Tensor;

static void dlpack(void) {
  int64_t shape[] = {3, 2}, strides[] = {-3, 2};
  heavykeys_rows rows;
  const Tensor good = {(void*)(uintptr_t)kFour, {1, 0}, 2, {2, 32, 1}, shape, NULL, 0};
  Tensor tensor = good;
  memset(&rows, 0xAB, sizeof rows);
  FAILS(INVALID_INPUT, "rows is NULL", heavykeys_rows_from_dlpack(NULL, &tensor));
  FAILS(INVALID_INPUT, "tensor is NULL", heavykeys_rows_from_dlpack(&rows, NULL));
  tensor.device.device_type = 2;
  FAILS(INVALID_INPUT, "device type 2", heavykeys_rows_from_dlpack(&rows, &tensor));
  tensor = good, tensor.dtype.bits = 8;
  FAILS(INVALID_INPUT, "type code 2, 8 bits", heavykeys_rows_from_dlpack(&rows, &tensor));
  tensor = good, tensor.dtype.code = 0;
  FAILS(INVALID_INPUT, "type code 0, 32 bits", heavykeys_rows_from_dlpack(&rows, &tensor));
  tensor = good, tensor.dtype.lanes = 4;
  FAILS(INVALID_INPUT, "4 lanes", heavykeys_rows_from_dlpack(&rows, &tensor));
  tensor = good, tensor.ndim = 3;
  FAILS(INVALID_INPUT, "3 axes", heavykeys_rows_from_dlpack(&rows, &tensor));
  tensor = good, tensor.shape = NULL;
  FAILS(INVALID_INPUT, "tensor.shape is NULL", heavykeys_rows_from_dlpack(&rows, &tensor));
  tensor = good, tensor.data = NULL;
  FAILS(INVALID_INPUT, "tensor.data is NULL", heavykeys_rows_from_dlpack(&rows, &tensor));
  tensor = good, tensor.byte_offset = 1;
  FAILS(INVALID_INPUT, "not aligned", heavykeys_rows_from_dlpack(&rows, &tensor));
  tensor = good, tensor.byte_offset = UINT64_MAX;
  FAILS(INVALID_INPUT, "byte_offset", heavykeys_rows_from_dlpack(&rows, &tensor));
  tensor = good, shape[0] = -1;
  FAILS(INVALID_INPUT, "[-1, 2]", heavykeys_rows_from_dlpack(&rows, &tensor));
  shape[0] = INT64_MAX;
  FAILS(INVALID_INPUT, "address space", heavykeys_rows_from_dlpack(&rows, &tensor));
  CHECK(((unsigned char*)&rows)[0] == 0xAB);

  shape[0] = 3;
  OK(heavykeys_rows_from_dlpack(&rows, &tensor));  // without strides: one row after the other
  CHECK(rows.data == kFour && rows.count == 3 && rows.dim == 2 && rows.row_stride == 2 &&
        rows.column_stride == 1);
  CHECK(rows.dtype == HEAVYKEYS_F32 && rows.first_id == 0 && rows.stream == 0 && rows.reserved == 0);
  tensor.strides = strides, tensor.byte_offset = 9 * sizeof(float), tensor.device.device_type = 3;
  OK(heavykeys_rows_from_dlpack(&rows, &tensor));
  CHECK(rows.data == kFour + 9 && rows.row_stride == -3 && rows.column_stride == 2);
  tensor = good, tensor.data = NULL, shape[0] = 0;
  OK(heavykeys_rows_from_dlpack(&rows, &tensor));
  CHECK(rows.count == 0);
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

/// Whatever an error text holds, it ends within its 2048 bytes.
static void long_errors(void) {
  char score[6000];
  memset(score, 'x', sizeof score - 1);
  score[sizeof score - 1] = '\0';
  heavykeys_spec spec = small_spec();
  spec.score = score;
  heavykeys_sketch* sketch = NULL;
  FAILS(INVALID_INPUT, "xxxx", heavykeys_sketch_create(&spec, &sketch));
  CHECK(strlen(heavykeys_last_error()) == 2047);
  for (size_t i = 0; i + 2 < sizeof score; i += 2)
    memcpy(score + i, "\xC3\xA9", 2);  // characters of two bytes
  score[sizeof score - 2] = '\0';
  FAILS(INVALID_INPUT, "\xC3\xA9", heavykeys_sketch_create(&spec, &sketch));
  const char* text = heavykeys_last_error();
  const size_t length = strlen(text);
  CHECK(length >= 2046 && (unsigned char)text[length - 1] == 0xA9);  // no half of one at the end
}

int main(int argc, char** argv) {
  if (argc != 2) return fprintf(stderr, "walk FOLDER\n"), 2;
  texts();
  specs();
  rows();
  sketches();
  absorbing();
  reports();
  merging();
  bytes_and_files(argv[1]);
  universal_set();
  heavy_entries();
  causal();
  scan();
  dlpack();
  emptiness();
  long_errors();
  printf("%d checks, %d failed\n", g_checks, g_failures);
  return g_failures == 0 ? 0 : 1;
}
