// A caller in C11 goes over every function of heavykeys.h: what it answers, and every error it can be brought
// to, with the output left alone. (tests/c/test_abi.py checks that none is forgotten.)
//
//   walk FOLDER     where files may be written
#include "walk.h"

#include <stdio.h>
#include <string.h>

static int g_failures = 0, g_checks = 0;

void check(int holds, const char* file, int line, const char* text) {
  ++g_checks;
  if (holds) return;
  ++g_failures;
  fprintf(stderr, "%s:%d: %s (last error: %s)\n", file, line, text, heavykeys_last_error());
}

void check_error(heavykeys_status status, heavykeys_status want, const char* part, const char* file, int line,
                 const char* text) {
  check(status == want, file, line, text);
  check(strstr(heavykeys_last_error(), part) != NULL, file, line, part);
}

const float kFour[] = {1, 0, 0, /**/ 0, 2, 0, /**/ 1, 0, 0, /**/ 0, 0, 3};
const float kQuery[] = {0, 1, 1};

heavykeys_spec small_spec(void) {
  heavykeys_spec spec;
  OK(heavykeys_spec_init(&spec, sizeof spec));
  spec.dim = kDim;
  spec.epsilon = 0.75;
  return spec;
}

heavykeys_rows rows_of(const float* data, uint64_t count, uint64_t first_id) {
  heavykeys_rows rows;
  OK(heavykeys_rows_init(&rows, data, HEAVYKEYS_F32, count, kDim));
  rows.first_id = first_id;
  return rows;
}

heavykeys_sketch* sketch_of(uint64_t begin, uint64_t end) {
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
  const char* cut = strstr(text, " ... ");
  CHECK(length >= 2044 && length <= 2047 && cut != NULL);
  if (cut == NULL) return;
  CHECK((unsigned char)cut[-1] == 0xA9 && (unsigned char)cut[5] == 0xC3);  // no half of one on either side
  CHECK(strstr(cut, "expressive") != NULL);                                // the reason, which comes last
  spec.score = "two\nlines\x1B[1m\x7F";
  FAILS(INVALID_INPUT, "two?lines?[1m?", heavykeys_sketch_create(&spec, &sketch));
  CHECK(strpbrk(heavykeys_last_error(), "\n\x1B\x7F") == NULL);
}

int main(int argc, char** argv) {
  if (argc != 2) return fprintf(stderr, "walk FOLDER\n"), 2;
  texts();
  rows();
  dlpack();
  long_errors();
  walk_sketches(argv[1]);
  walk_answers();
  printf("%d checks, %d failed\n", g_checks, g_failures);
  return g_failures == 0 ? 0 : 1;
}
