// heavykeys from C, and from whatever calls C: ctypes, cffi, Rust, Julia, Go. One pass over the keys of an
// attention head names every key that ANY query could give a weight >= epsilon; each query's heavy entries
// follow.
//
//     #include <heavykeys/heavykeys.h>
//     #include <inttypes.h>
//     #include <stdio.h>
//
//     static int failed(void) { return fprintf(stderr, "%s\n", heavykeys_last_error()), 1; }
//
//     int main(void) {
//       const float keys[] = {1, 0, 0, /**/ 0, 2, 0, /**/ 1, 0, 0, /**/ 0, 0, 3};  // 4 keys, 3 columns
//       heavykeys_spec spec;
//       heavykeys_spec_init(&spec, sizeof spec);
//       spec.dim = 3;
//       spec.epsilon = 0.75;  // which keys can reach 75% of some query's attention?
//       heavykeys_sketch* sketch = NULL;
//       heavykeys_universal_set* set = NULL;
//       heavykeys_rows rows;
//       if (heavykeys_sketch_create(&spec, &sketch)) return failed();
//       if (heavykeys_rows_init(&rows, keys, HEAVYKEYS_F32, 4, 3)) return failed();
//       if (heavykeys_sketch_absorb(sketch, &rows, NULL)) return failed();  // any number at a time
//       if (heavykeys_sketch_finalize(sketch, NULL, &set)) return failed();
//
//       uint64_t size;
//       const heavykeys_key_id* ids;
//       const double* leverage;
//       if (heavykeys_universal_set_size(set, &size)) return failed();
//       if (heavykeys_universal_set_ids(set, &ids)) return failed();
//       if (heavykeys_universal_set_leverage(set, &leverage)) return failed();
//       for (uint64_t u = 0; u < size; ++u) {
//         printf("row %" PRIu64 " can reach %.2f\n", ids[u].row, leverage[u]);
//       }
//       heavykeys_universal_set_destroy(set);
//       heavykeys_sketch_destroy(sketch);
//       return 0;
//     }
//
// It prints "row 1 can reach 1.00" and "row 3 can reach 1.00". Build with `pkg-config --cflags --libs
// heavykeys-c`, or with CMake's find_package(heavykeys COMPONENTS c) and heavykeys::c. More: docs/c_api.md.
//
// Errors. Every function that can fail returns a heavykeys_status, 0 when it went well. When it did not,
//   outputs are not written, what was to be changed is as it was (one exception: heavykeys_causal_absorb),
//   and heavykeys_last_error() says why. A pointer may be NULL only where its comment says so; elsewhere NULL
//   is HEAVYKEYS_INVALID_INPUT, naming the argument. Besides what a comment lists, any function may return
//   HEAVYKEYS_OUT_OF_MEMORY or HEAVYKEYS_INTERNAL. No C++ exception leaves the library.
// Ownership. What a function hands out through a pointer to a handle is the caller's, to be given back to the
//   handle's _destroy once; destroying NULL does nothing. Pointers that accessors hand out point into the
//   handle: read them until it is destroyed, free none; an array of no elements may be NULL. Texts and arrays
//   handed in are copied, or read during the call only; except queries of a scan and of a causal pass, which
//   are read in place until the pass ends.
// Threads. Distinct handles are independent. One handle may be read (const pointers) by any number of threads
//   at a time, or changed (other pointers, _destroy) by one while nobody reads. Nothing is locked.
// Undefined. A handle destroyed twice or used afterwards; memory shorter than its description; longjmp out of
//   a report, or pthread_cancel of a thread inside a call; a handle used by a report that runs inside a call
//   on it, unless both only read it; GCC's OpenMP in a process forked after it was used (it waits for ever).
// Limits. Where the system refuses threads or their memory (ulimit -u, -v), oneTBB and GCC's OpenMP may end
//   the process themselves: use ENGINE_ONE_CORE or few threads there.
// Not here, but in C++ and Python: attention, verification, audit, many heads in one call, custom scores,
//   parts of a causal pass, leverage scores.
// ABI. The shared library's name carries the ABI: libheavykeys_c.so.0. Within it functions, numbers and
//   offsets of fields stay; functions may be added, and fields at the end of structs with a struct_size.
#ifndef HEAVYKEYS_HEAVYKEYS_H
#define HEAVYKEYS_HEAVYKEYS_H

#include "heavykeys/c_base.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

// ---- What is asked ------------------------------------------------------------------------------------

/// What a sketch is asked to find. Equal specs and equal rows give equal bytes.
typedef struct heavykeys_spec {
  uint64_t struct_size;  ///< sizeof(heavykeys_spec) of the caller's header
  uint64_t dim;          ///< d, columns of the keys: 1 .. 4096
  double epsilon;        ///< keys that can reach weight >= epsilon are heavy: in (0, 1]
  const char* score;     ///< f: "power:2", "power:P", "expressive", "polynomial:C0,C1,..."
  uint64_t block_rows;   ///< rows that share one grid, a power of two in 16 .. 4096
  uint64_t sample_rows;  ///< rows sampled for estimates where f has no closed form: 0 .. 2^20
  uint64_t seed;         ///< of the sample
  int32_t grid_bits;     ///< keys are rounded to this many bits: 8 .. 24. 20 are enough for 16-bit keys
  int32_t reserved;      ///< 0
} heavykeys_spec;

/// Fills in what is usual: score "power:2", block_rows 4096, sample_rows 1024, seed 0, grid_bits 24; dim and
/// epsilon are left to the caller (0: refused). struct_size: sizeof(heavykeys_spec). INVALID_INPUT when that
/// is no size such a struct has had.
heavykeys_status heavykeys_spec_init(heavykeys_spec* spec, uint64_t struct_size);

// ---- Sketch: all that has to be remembered of a stream of keys ------------------------------------------

/// State of one pass. Size O(D^2 + |U| d + block_rows d), nothing in the number of keys (D: d, or monomials
/// of a key where the score has a closed form above x^2). A function of the SET of rows absorbed: pieces,
/// order, engine and threads change nothing.
typedef struct heavykeys_sketch heavykeys_sketch;

/// The universal set U: every key that any query could give a weight >= epsilon. Immutable.
typedef struct heavykeys_universal_set heavykeys_universal_set;

/// An empty sketch. INVALID_INPUT, naming field and value, when the spec is out of range; softmax has no
/// small universal set, and is refused (heavykeys_scan_create takes it).
heavykeys_status heavykeys_sketch_create(const heavykeys_spec* spec, heavykeys_sketch** sketch);

/// A copy, independent of the original. Cost: O(memory_bytes).
heavykeys_status heavykeys_sketch_clone(const heavykeys_sketch* sketch, heavykeys_sketch** copy);

/// Frees a sketch. What was made of it lives on.
void heavykeys_sketch_destroy(heavykeys_sketch* sketch);

/// Adds keys [n, d]: any number at a time, any order of ids, each id once. Options: may be NULL. Cost: O(d^2)
/// multiply-adds and one read per key. INVALID_INPUT (another dim; NaN or Inf, row and column named; ids past
/// 2^62), INCOMPATIBLE (a row is in already), BACKEND_ERROR (an engine this build lacks; threads that cannot
/// be started), CANCELLED. No keys, n = 0, change nothing, and their dim is not looked at.
heavykeys_status heavykeys_sketch_absorb(heavykeys_sketch* sketch, const heavykeys_rows* keys,
                                         const heavykeys_options* options);

/// Adds everything `from` has absorbed. Cost: O(D^2 + |U| d). INCOMPATIBLE when the specs differ (both are in
/// the text) or a row is in both.
heavykeys_status heavykeys_sketch_merge(heavykeys_sketch* into, const heavykeys_sketch* from);

/// Decides U, exactly, at any time; the sketch stays ready for more keys. Options: may be NULL; of these the
/// report is asked, and one core works. Cost: O(D^3 + |U| D^2), nothing in the number of keys. INVALID_INPUT
/// when a stream has a gap, naming the missing rows; CANCELLED.
heavykeys_status heavykeys_sketch_finalize(const heavykeys_sketch* sketch, const heavykeys_options* options,
                                           heavykeys_universal_set** set);

/// The spec it was made with. `spec` has been through heavykeys_spec_init; its score then points into the
/// sketch.
heavykeys_status heavykeys_sketch_spec(const heavykeys_sketch* sketch, heavykeys_spec* spec);

/// Rows absorbed so far, all streams together.
heavykeys_status heavykeys_sketch_row_count(const heavykeys_sketch* sketch, uint64_t* rows);

/// Id after the largest absorbed of a stream: where an appender goes on. 0 for a new stream.
heavykeys_status heavykeys_sketch_next_row(const heavykeys_sketch* sketch, uint64_t stream, uint64_t* row);

/// Bytes of heap memory it holds.
heavykeys_status heavykeys_sketch_memory_bytes(const heavykeys_sketch* sketch, uint64_t* bytes);

// ---- Sketches as bytes and files --------------------------------------------------------------------------

/// The canonical bytes (docs/format.md), equal exactly when the states are: to store, send, compare. *bytes
/// is the caller's, for heavykeys_bytes_destroy. Cost: as finalize.
heavykeys_status heavykeys_sketch_to_bytes(const heavykeys_sketch* sketch, uint8_t** bytes, uint64_t* size);

/// Frees bytes made by heavykeys_sketch_to_bytes.
void heavykeys_bytes_destroy(uint8_t* bytes);

/// The sketch of which these are the bytes, from a trusted source or not. CORRUPT for anything to_bytes
/// cannot have written. `bytes` may be NULL when size is 0. A sketch of a custom score, made by C++ or
/// Python, does all but answer queries: heavykeys_heavy_entries says INVALID_INPUT.
heavykeys_status heavykeys_sketch_from_bytes(const void* bytes, uint64_t size, heavykeys_sketch** sketch);

/// Writes the bytes to a file, as the command does (.hks): whatever happens, `path` holds the older file or
/// the new one, whole. INVALID_INPUT for an empty path, BACKEND_ERROR with the system's reason.
heavykeys_status heavykeys_sketch_save(const heavykeys_sketch* sketch, const char* path);

/// Reads a file written by heavykeys_sketch_save or by the command; custom scores as from_bytes.
/// INVALID_INPUT for an empty path, BACKEND_ERROR when it cannot be read, CORRUPT when it is not intact.
heavykeys_status heavykeys_sketch_load(const char* path, heavykeys_sketch** sketch);

// ---- Universal set --------------------------------------------------------------------------------------

/// Frees a universal set, and with it the arrays below.
void heavykeys_universal_set_destroy(heavykeys_universal_set* set);

/// |U|.
heavykeys_status heavykeys_universal_set_size(const heavykeys_universal_set* set, uint64_t* size);
/// n, the keys it was decided among.
heavykeys_status heavykeys_universal_set_row_count(const heavykeys_universal_set* set, uint64_t* rows);
/// Rank of the keys on their grid (of their lift, where there is one), exact.
heavykeys_status heavykeys_universal_set_rank(const heavykeys_universal_set* set, uint64_t* rank);
/// What |U| is proven not to pass: rank/epsilon for x^2.
heavykeys_status heavykeys_universal_set_bound(const heavykeys_universal_set* set, double* bound);
/// Which keys: [size], ascending.
heavykeys_status heavykeys_universal_set_ids(const heavykeys_universal_set* set,
                                             const heavykeys_key_id** ids);
/// [size]. For x^2 the greatest weight any query could give the key, relative error <= 1e-10. For other
/// scores as float64 gives it, about 1e-6, certified within a factor of 4: the leverage of the lifted key
/// where there is a closed form, that within the key's layer in an onion, and k^T M^-1 k, which may pass 1,
/// with Lewis weights (docs/theory.md).
heavykeys_status heavykeys_universal_set_leverage(const heavykeys_universal_set* set,
                                                  const double** leverage);
/// [size], from 1: the layer of the onion; all 1 where the score needs none.
heavykeys_status heavykeys_universal_set_layer(const heavykeys_universal_set* set, const int32_t** layer);
/// [size, d] row after row: the keys themselves, on their grid.
heavykeys_status heavykeys_universal_set_keys(const heavykeys_universal_set* set, const double** keys);

// ---- Heavy entries --------------------------------------------------------------------------------------

/// (query, key) pairs of weight >= epsilon, as compressed sparse rows. Immutable.
typedef struct heavykeys_entries heavykeys_entries;

/// Which entries to list where a weight is known only as an interval [lower, upper].
typedef int32_t heavykeys_mode;
enum {
  HEAVYKEYS_NO_FALSE_NEGATIVES = 0,  ///< all with upper >= epsilon: every heavy key is listed
  HEAVYKEYS_NO_FALSE_POSITIVES = 1   ///< all with lower >= epsilon: every key listed is heavy
};

/// The heavy entries of queries [m, d] among ALL keys, found from U alone. `confidence` delta in (0, 1)
/// narrows intervals by a sample that misses a query's weights with probability <= delta; 0: certified
/// bounds. Options: may be NULL. Cost: O(m (D^2 + |U| d)). For scores with exact weights, x^2 the first of
/// them, membership equals exact rational arithmetic, ties included, and mode and confidence change nothing.
/// INVALID_INPUT (another dim; NaN or Inf, row and column named), BACKEND_ERROR, CANCELLED.
heavykeys_status heavykeys_heavy_entries(const heavykeys_universal_set* set, const heavykeys_rows* queries,
                                         heavykeys_mode mode, double confidence,
                                         const heavykeys_options* options, heavykeys_entries** entries);

/// Frees entries, and with them the arrays below.
void heavykeys_entries_destroy(heavykeys_entries* entries);

/// m, the queries that were asked about.
heavykeys_status heavykeys_entries_query_count(const heavykeys_entries* entries, uint64_t* queries);
/// nnz, the entries of all queries.
heavykeys_status heavykeys_entries_count(const heavykeys_entries* entries, uint64_t* count);
/// [m + 1]: query i owns entries indptr[i] .. indptr[i + 1] - 1 of the arrays below.
heavykeys_status heavykeys_entries_indptr(const heavykeys_entries* entries, const int64_t** indptr);
/// [nnz]: whose weight, ascending within a query.
heavykeys_status heavykeys_entries_keys(const heavykeys_entries* entries, const heavykeys_key_id** keys);
/// [nnz]: A_j(q) = f(q.k_j) / sum_l f(q.k_l), or the estimate of it.
heavykeys_status heavykeys_entries_weights(const heavykeys_entries* entries, const double** weights);
/// [nnz], certified: lower <= true weight.
heavykeys_status heavykeys_entries_lower(const heavykeys_entries* entries, const double** lower);
/// [nnz], certified: true weight <= upper.
heavykeys_status heavykeys_entries_upper(const heavykeys_entries* entries, const double** upper);

// ---- Causal: query i sees the keys up to its own ----------------------------------------------------------

/// One pass over n keys, in order, that lists the heavy entries of m queries; query i sees the keys
/// j <= i + n - m, and its weights are among those.
typedef struct heavykeys_causal heavykeys_causal;

/// A pass over `key_count` keys. The queries [m, d] are read in place until heavykeys_causal_destroy. mode
/// and confidence as in heavykeys_heavy_entries. INVALID_INPUT (spec; another dim; NaN or Inf in a query).
heavykeys_status heavykeys_causal_create(const heavykeys_spec* spec, const heavykeys_rows* queries,
                                         uint64_t key_count, heavykeys_mode mode, double confidence,
                                         heavykeys_causal** causal);

/// Frees a pass.
void heavykeys_causal_destroy(heavykeys_causal* causal);

/// The next keys: keys->first_id is heavykeys_causal_next_row. Options: may be NULL. Cost: O(d^2) a key and
/// O(d^2 + (d/epsilon + block_rows) d) a query. Errors as heavykeys_sketch_absorb. After any error the rows
/// before next_row are in, and the pass can go on from there.
heavykeys_status heavykeys_causal_absorb(heavykeys_causal* causal, const heavykeys_rows* keys,
                                         const heavykeys_options* options);

/// Keys absorbed so far.
heavykeys_status heavykeys_causal_next_row(const heavykeys_causal* causal, uint64_t* row);

/// Takes the entries out, once, after all keys. INVALID_INPUT when keys are missing, or the second time.
heavykeys_status heavykeys_causal_finish(heavykeys_causal* causal, heavykeys_entries** entries);

// ---- Scan: any score, softmax too --------------------------------------------------------------------

/// The queries first, then one pass over the keys, in any pieces and order. Workspace O(m/epsilon), nothing
/// in the number of keys. Weights are certified to 1e-10 of themselves, or to the tolerance asked for.
typedef struct heavykeys_scan heavykeys_scan;

/// A scan of queries [m, d], which are read in place until heavykeys_scan_destroy. `score`: as in
/// heavykeys_spec, or "softmax:SCALE" for exp(SCALE q.k). `key_count`: n, or 0 when it is not known.
/// `causal`: 0, or 1: query i sees the keys j <= i + n - m (n must be known). INVALID_INPUT (the score;
/// epsilon outside [1e-60, 1]; NaN or Inf in a query; causal without n).
heavykeys_status heavykeys_scan_create(const char* score, double epsilon, const heavykeys_rows* queries,
                                       uint64_t key_count, int32_t causal, heavykeys_mode mode,
                                       heavykeys_scan** scan);

/// The same, with `tolerance`: how wide the bounds of a weight may be, relative to it, in [1e-10, 0.1].
/// Softmax to 0.01 or more is several times as fast as to 1e-10. INVALID_INPUT outside that, too.
heavykeys_status heavykeys_scan_create_with_tolerance(const char* score, double epsilon,
                                                      const heavykeys_rows* queries, uint64_t key_count,
                                                      int32_t causal, heavykeys_mode mode, double tolerance,
                                                      heavykeys_scan** scan);

/// Frees a scan.
void heavykeys_scan_destroy(heavykeys_scan* scan);

/// Adds keys [n, d] of stream 0, each id once. Options: may be NULL. Cost: O(m d) a key. Errors as
/// heavykeys_sketch_absorb; INVALID_INPUT, too, for a logit of softmax that could pass 2^60.
heavykeys_status heavykeys_scan_absorb(heavykeys_scan* scan, const heavykeys_rows* keys,
                                       const heavykeys_options* options);

/// Adds everything `from` has absorbed, of the same queries. INCOMPATIBLE when score, epsilon, options or
/// values of queries differ or a row is in both; INVALID_INPUT when one was finished.
heavykeys_status heavykeys_scan_merge(heavykeys_scan* into, const heavykeys_scan* from);

/// Id after the largest absorbed.
heavykeys_status heavykeys_scan_next_row(const heavykeys_scan* scan, uint64_t* row);

/// Takes the entries out, once, after the last key. INVALID_INPUT, naming them, when keys are missing, or the
/// second time.
heavykeys_status heavykeys_scan_finish(heavykeys_scan* scan, heavykeys_entries** entries);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif  // HEAVYKEYS_HEAVYKEYS_H
