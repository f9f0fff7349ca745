// heavykeys from C: follows a stream of keys in pieces, with four outliers planted in it, is cut off half-way
// and resumed from its bytes, and asks which keys could matter and what queries make of them.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "heavykeys/heavykeys.h"

enum { kKeys = 20000, kDim = 32, kPiece = 1500, kPlanted = 4 };
static const uint64_t kPlantedRows[kPlanted] = {17, 4711, 12345, 19999};

/// Ends the program, with what went wrong, unless a call went well.
static void check(heavykeys_status status) {
  if (status == HEAVYKEYS_OK) return;
  fprintf(stderr, "%s: %s\n", heavykeys_status_name(status), heavykeys_last_error());
  exit(1);
}

/// Uniform in [-1, 1), the same everywhere.
static float next_uniform(uint64_t* state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (float)(*state >> 40) / 8388608.0f - 1.0f;
}

/// [kKeys, kDim], free() by the caller: the planted rows are a hundred times as long as the rest.
static float* make_keys(void) {
  float* keys = malloc(sizeof(float) * kKeys * kDim);
  if (keys == NULL) exit(1);
  uint64_t state = 1;
  for (size_t i = 0; i < (size_t)kKeys * kDim; ++i) keys[i] = next_uniform(&state);
  for (size_t p = 0; p < kPlanted; ++p) {
    for (size_t c = 0; c < kDim; ++c) keys[kPlantedRows[p] * kDim + c] *= 100.0f;
  }
  return keys;
}

/// Keys begin .. end - 1, in pieces, as a decoder would produce them.
static void absorb(heavykeys_sketch* sketch, const float* keys, uint64_t begin, uint64_t end) {
  for (uint64_t at = begin; at < end; at += kPiece) {
    heavykeys_rows rows;
    check(heavykeys_rows_init(&rows, keys + at * kDim, HEAVYKEYS_F32, end - at < kPiece ? end - at : kPiece,
                              kDim));
    rows.first_id = at;
    check(heavykeys_sketch_absorb(sketch, &rows, NULL));
  }
}

/// The first half, as bytes; free by heavykeys_bytes_destroy.
static uint8_t* checkpoint(const heavykeys_spec* spec, const float* keys, uint64_t* size) {
  heavykeys_sketch* sketch = NULL;
  uint8_t* bytes = NULL;
  check(heavykeys_sketch_create(spec, &sketch));
  absorb(sketch, keys, 0, kKeys / 2);
  check(heavykeys_sketch_to_bytes(sketch, &bytes, size));
  heavykeys_sketch_destroy(sketch);
  return bytes;
}

/// Goes on from the bytes to the last key.
static heavykeys_sketch* resume(const uint8_t* bytes, uint64_t size, const float* keys) {
  heavykeys_sketch* sketch = NULL;
  uint64_t next = 0;
  check(heavykeys_sketch_from_bytes(bytes, size, &sketch));
  check(heavykeys_sketch_next_row(sketch, 0, &next));
  printf("resumed at row %d from %d bytes\n", (int)next, (int)size);
  absorb(sketch, keys, next, kKeys);
  return sketch;
}

static void print_set(const heavykeys_universal_set* set, double epsilon) {
  uint64_t size = 0, rows = 0;
  double bound = 0;
  const heavykeys_key_id* ids = NULL;
  const double* leverage = NULL;
  check(heavykeys_universal_set_size(set, &size));
  check(heavykeys_universal_set_row_count(set, &rows));
  check(heavykeys_universal_set_bound(set, &bound));
  check(heavykeys_universal_set_ids(set, &ids));
  check(heavykeys_universal_set_leverage(set, &leverage));
  printf("%d keys, of which %d can reach weight %g (never more than %g)\n", (int)rows, (int)size, epsilon,
         bound);
  for (uint64_t u = 0; u < size; ++u) {
    printf("  row %d: at most %.4f of any query's attention\n", (int)ids[u].row, leverage[u]);
  }
}

/// Queries along two of the planted keys: what they attend to.
static void print_entries(const heavykeys_universal_set* set, const float* keys) {
  heavykeys_rows queries;
  heavykeys_entries* entries = NULL;
  uint64_t count = 0;
  const int64_t* indptr = NULL;
  const heavykeys_key_id* ids = NULL;
  const double* weights = NULL;
  check(heavykeys_rows_init(&queries, keys + kPlantedRows[1] * kDim, HEAVYKEYS_F32, 2, kDim));
  queries.row_stride = (int64_t)(kPlantedRows[2] - kPlantedRows[1]) * kDim;  // read in place, where they lie
  check(heavykeys_heavy_entries(set, &queries, HEAVYKEYS_NO_FALSE_NEGATIVES, 0.0, NULL, &entries));
  check(heavykeys_entries_query_count(entries, &count));
  check(heavykeys_entries_indptr(entries, &indptr));
  check(heavykeys_entries_keys(entries, &ids));
  check(heavykeys_entries_weights(entries, &weights));
  for (uint64_t i = 0; i < count; ++i) {
    for (int64_t e = indptr[i]; e < indptr[i + 1]; ++e) {
      printf("  the query k_%d gives row %d the weight %.4f\n", (int)kPlantedRows[i + 1], (int)ids[e].row,
             weights[e]);
    }
  }
  heavykeys_entries_destroy(entries);
}

/// Keys with a NaN are refused, row and column named, and the sketch goes on as if they had never come.
static void show_refusal(heavykeys_sketch* sketch) {
  float bad[2 * kDim] = {0};
  bad[kDim + 5] = NAN;
  heavykeys_rows rows;
  check(heavykeys_rows_init(&rows, bad, HEAVYKEYS_F32, 2, kDim));
  rows.first_id = kKeys;
  const heavykeys_status status = heavykeys_sketch_absorb(sketch, &rows, NULL);
  printf("refused, %s: %s\n", heavykeys_status_name(status), heavykeys_last_error());
}

int main(void) {
  float* keys = make_keys();
  heavykeys_spec spec;
  check(heavykeys_spec_init(&spec, sizeof spec));
  spec.dim = kDim;
  spec.epsilon = 0.05;

  uint64_t half_size = 0;
  uint8_t* half = checkpoint(&spec, keys, &half_size);
  heavykeys_sketch* sketch = resume(half, half_size, keys);
  heavykeys_bytes_destroy(half);
  show_refusal(sketch);

  heavykeys_universal_set* set = NULL;
  check(heavykeys_sketch_finalize(sketch, NULL, &set));
  print_set(set, spec.epsilon);
  print_entries(set, keys);
  heavykeys_universal_set_destroy(set);
  heavykeys_sketch_destroy(sketch);
  free(keys);
  return 0;
}
