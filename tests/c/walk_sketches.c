// Specs, sketches, absorbing, reports, merging, bytes and files.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "walk.h"

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
  options.engine = HEAVYKEYS_ENGINE_ONE_CORE, options.threads = 4097;  // also where no thread is started
  FAILS(INVALID_INPUT, "options.threads is 4097", heavykeys_sketch_absorb(sketch, &keys, &options));
  heavykeys_universal_set* none = NULL;
  FAILS(INVALID_INPUT, "options.threads is 4097", heavykeys_sketch_finalize(sketch, &options, &none));
  options.threads = 1, options.report_seconds = NAN;  // also without a report
  FAILS(INVALID_INPUT, "options.report_seconds is nan", heavykeys_sketch_finalize(sketch, &options, &none));
  CHECK(none == NULL);
  options.report_seconds = 0.05, options.struct_size = 0;
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
  options.report = watch, options.user = &seen, options.report_seconds = -1e-9;
  FAILS(INVALID_INPUT, "report_seconds is -1e-09;", heavykeys_sketch_absorb(sketch, &keys, &options));
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
  FAILS(INVALID_INPUT, "path is empty", heavykeys_sketch_save(sketch, ""));
  FAILS(INVALID_INPUT, "path is empty", heavykeys_sketch_load("", &back));
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

void walk_sketches(const char* folder) {
  specs();
  sketches();
  absorbing();
  reports();
  merging();
  bytes_and_files(folder);
}
