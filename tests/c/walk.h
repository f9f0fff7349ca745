// What the parts of the walk share: checks that count, and four keys of which two can be heavy.
#pragma once

#include <stdint.h>

#include "heavykeys/heavykeys.h"

/// Counts a check, and says where it stands if it does not hold.
void check(int holds, const char* file, int line, const char* text);

/// The status is `want`, and the text of the error holds `part`.
void check_error(heavykeys_status status, heavykeys_status want, const char* part, const char* file, int line,
                 const char* text);

#define CHECK(condition) check((condition) != 0, __FILE__, __LINE__, #condition)
#define OK(call) check((call) == HEAVYKEYS_OK, __FILE__, __LINE__, #call)
#define FAILS(status, part, call) check_error((call), HEAVYKEYS_##status, part, __FILE__, __LINE__, #call)

enum { kKeys = 4, kDim = 3 };
extern const float kFour[kKeys * kDim];  // epsilon = 0.75: rows 1 and 3
extern const float kQuery[kDim];         // gives row 1 the weight 4/13, row 3 9/13

heavykeys_spec small_spec(void);  // of the four keys
heavykeys_rows rows_of(const float* data, uint64_t count, uint64_t first_id);

/// A sketch of rows begin .. end - 1 of the four.
heavykeys_sketch* sketch_of(uint64_t begin, uint64_t end);

void walk_sketches(const char* folder);  // walk_sketches.c
void walk_answers(void);                 // walk_answers.c: universal sets, entries, causal passes, scans
