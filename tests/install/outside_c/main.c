// A program outside heavykeys, in C: the universal set of four keys.
#include <heavykeys/heavykeys.h>
#include <stdio.h>

#define REQUIRE_OK(call) \
  if ((call) != HEAVYKEYS_OK) return fprintf(stderr, "%s: %s\n", #call, heavykeys_last_error()), 1

int main(void) {
  const float keys[] = {1, 0, 0, /**/ 0, 2, 0, /**/ 1, 0, 0, /**/ 0, 0, 3};
  heavykeys_spec spec;
  REQUIRE_OK(heavykeys_spec_init(&spec, sizeof spec));
  spec.dim = 3;
  spec.epsilon = 0.75;
  heavykeys_sketch* sketch = NULL;
  heavykeys_universal_set* set = NULL;
  heavykeys_rows rows;
  uint64_t size = 0;
  const heavykeys_key_id* ids = NULL;
  REQUIRE_OK(heavykeys_sketch_create(&spec, &sketch));
  REQUIRE_OK(heavykeys_rows_init(&rows, keys, HEAVYKEYS_F32, 4, 3));
  REQUIRE_OK(heavykeys_sketch_absorb(sketch, &rows, NULL));
  REQUIRE_OK(heavykeys_sketch_finalize(sketch, NULL, &set));
  REQUIRE_OK(heavykeys_universal_set_size(set, &size));
  REQUIRE_OK(heavykeys_universal_set_ids(set, &ids));
  if (size != 2 || ids[0].row != 1 || ids[1].row != 3) return fprintf(stderr, "U has another size\n"), 1;
  printf("heavykeys %s from C: U = {%d, %d}\n", heavykeys_version(), (int)ids[0].row, (int)ids[1].row);
  heavykeys_universal_set_destroy(set);
  heavykeys_sketch_destroy(sketch);
  return 0;
}
