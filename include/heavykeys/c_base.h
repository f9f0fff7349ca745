// What every call from C takes and answers: a status, rows, and whose threads do the work. heavykeys.h
// includes this, and says of all of it how errors, ownership and threads are.
#ifndef HEAVYKEYS_C_BASE_H
#define HEAVYKEYS_C_BASE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

// ---- Status -------------------------------------------------------------------------------------------

/// What became of a call.
typedef int32_t heavykeys_status;
enum {
  HEAVYKEYS_OK = 0,
  HEAVYKEYS_INVALID_INPUT = 1,  ///< the caller's input cannot be used: a shape, an option, NaN or Inf, NULL
  HEAVYKEYS_INCOMPATIBLE = 2,   ///< two things do not belong together: other specs, rows absorbed twice
  HEAVYKEYS_CORRUPT = 3,  ///< bytes or a file that claim to be a sketch and are not intact, or are newer
  HEAVYKEYS_BACKEND_ERROR = 4,  ///< an engine or the system could not do its work
  HEAVYKEYS_CANCELLED = 5,      ///< a report ended the call, as it was asked to
  HEAVYKEYS_OUT_OF_MEMORY = 6,
  HEAVYKEYS_INTERNAL = 7  ///< what should not happen: please tell us
};

/// "OK", "INVALID_INPUT", ...; "UNKNOWN" for other numbers. Static text; never fails.
const char* heavykeys_status_name(heavykeys_status status);

/// One line on the last call of this thread that failed, the offending values in it; "" before there was one.
/// Valid until the next call of this thread that fails. At most 2047 bytes: a longer text has " ... " for its
/// middle. Control characters are '?'; its encoding is that of the texts handed in. Needs no memory, with one
/// exception: of a library that was opened by dlopen, a thread's first call that fails, or this one, takes a
/// few kB for the thread's own variables, and glibc ends the process where there are none.
const char* heavykeys_last_error(void);

/// "MAJOR.MINOR.PATCH" of the library that runs. Static text.
const char* heavykeys_version(void);

/// The version of this interface that the running library was built with: below HEAVYKEYS_C_REVISION when
/// the header is newer than the library. It grows by one with every addition.
int32_t heavykeys_c_revision(void);
enum { HEAVYKEYS_C_REVISION = 1 };

// ---- Rows: keys and queries ---------------------------------------------------------------------------

/// Type of an element: IEEE binary64, 32, 16, and bfloat16, native byte order.
typedef int32_t heavykeys_dtype;
enum { HEAVYKEYS_F64 = 0, HEAVYKEYS_F32 = 1, HEAVYKEYS_F16 = 2, HEAVYKEYS_BF16 = 3 };

/// A view of rows in the caller's memory, never copied to be read: rows first_id .. first_id + count - 1 of
/// stream `stream`. Element (r, c) lies at data + (r row_stride + c column_stride) elements; strides may be
/// negative or 0. Of queries, first_id and stream mean nothing. This struct does not grow.
typedef struct heavykeys_rows {
  const void* data;       ///< element (0, 0), aligned to its type; looked at only where there are elements
  uint64_t count;         ///< n
  uint64_t dim;           ///< columns
  int64_t row_stride;     ///< in elements
  int64_t column_stride;  ///< in elements
  uint64_t first_id;      ///< id of row 0 within its stream
  uint64_t stream;        ///< shards that do not know each other's length are streams; else 0
  heavykeys_dtype dtype;  ///< of elements
  int32_t reserved;       ///< 0
} heavykeys_rows;

/// Describes contiguous rows [count, dim], row after row, ids from 0 of stream 0. INVALID_INPUT for a dtype
/// that is none; where there are elements, for data that is NULL or not aligned, and extents that pass the
/// address space.
heavykeys_status heavykeys_rows_init(heavykeys_rows* rows, const void* data, heavykeys_dtype dtype,
                                     uint64_t count, uint64_t dim);

/// Describes a tensor [n, d] of DLPack (NumPy, PyTorch, JAX, ...: `__dlpack__`), in place: any strides and
/// byte_offset, ids from 0 of stream 0. `tensor` is a `const DLTensor*`, of any version of DLPack:
/// &m->dl_tensor of a DLManagedTensor or DLManagedTensorVersioned, which stays the caller's and must outlive
/// its use. (It is void because DLPack's struct has no tag that could be declared here.) INVALID_INPUT for
/// memory other than the CPU's (kDLCPU, kDLCUDAHost), elements other than float64/32/16 and bfloat16, other
/// axes than two, and extents that pass the address space.
heavykeys_status heavykeys_rows_from_dlpack(heavykeys_rows* rows, const void* tensor);

/// Name of a key everywhere: which stream, and which row of it.
typedef struct heavykeys_key_id {
  uint64_t stream;  ///< see heavykeys_rows
  uint64_t row;     ///< id within the stream
} heavykeys_key_id;

// ---- How a long call is run ---------------------------------------------------------------------------

/// Whose threads do the work. It decides the speed, never a byte of a result (powers without closed form
/// excepted: docs/theory.md, T7).
typedef int32_t heavykeys_engine;
enum {
  HEAVYKEYS_ENGINE_AUTO = 0,      ///< oneTBB where it was built, else OpenMP, else one core
  HEAVYKEYS_ENGINE_ONE_CORE = 1,  ///< the calling thread alone
  HEAVYKEYS_ENGINE_TBB = 2,       ///< BACKEND_ERROR where it was not built: so a trial tells
  HEAVYKEYS_ENGINE_OPENMP = 3     ///< likewise
};

/// Asked between the parts of a long call, on the calling thread: `call` names it ("absorb", ...), `fraction`
/// in [0, 1] of it is done. Returns 0 to go on, anything else to end the call with CANCELLED. A
/// std::exception that one in C++ throws ends it with INTERNAL, with its text.
typedef int32_t (*heavykeys_report)(const char* call, double fraction, void* user);

/// How a long call is run. Wherever these are taken, they are checked, used or not, and NULL stands for what
/// heavykeys_options_init fills in.
typedef struct heavykeys_options {
  uint64_t struct_size;     ///< sizeof(heavykeys_options) of the caller's header
  heavykeys_engine engine;  ///< whose threads
  int32_t threads;          ///< at most 4096; 0: all this process may use
  heavykeys_report report;  ///< may be NULL
  void* user;               ///< handed to report
  double report_seconds;    ///< at least this long from one report to the next: 0 .. 10^6
} heavykeys_options;

/// HEAVYKEYS_ENGINE_AUTO, threads 0, no report, report_seconds 0.05. struct_size: sizeof(heavykeys_options).
heavykeys_status heavykeys_options_init(heavykeys_options* options, uint64_t struct_size);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif  // HEAVYKEYS_C_BASE_H
