// OpenBLAS as the rival: the kernel made for this processor, and the Gram matrix the fastest way it can.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "heavykeys/rows.hpp"

namespace heavykeys::bench {

/// Debian's OpenBLAS takes some new Xeons for older processors. Its kernel is chosen by OPENBLAS_CORETYPE
/// when the library loads, so where that is unset and the processor has AVX-512 this sets SkylakeX and
/// restarts the program with the same arguments. A value the user set is kept. OPENBLAS_NUM_THREADS likewise.
void use_right_blas_kernels(int threads, char** argv);

/// Kernel name and build configuration, as OpenBLAS itself gives them.
nlohmann::json describe_openblas();

/// Who shares out the rows: ssyrk itself, or our threads, each with its own range and a one-thread ssyrk.
enum class Sharing { library, caller };
const char* name_of(Sharing sharing);

struct GramPlan {
  std::size_t chunk_rows = 0;
  Sharing sharing = Sharing::library;
};
nlohmann::json to_json(const GramPlan& plan);

/// K^T K, upper triangle of a row-major [d, d], in float32 by ssyrk. 16-bit keys are widened chunk by chunk
/// first, by the thread that calls ssyrk.
std::vector<float> gram_by_ssyrk(const Rows& keys, const GramPlan& plan, int threads);

/// The fastest chunk size on these keys for this sharing, by trial; every plan is appended to `trials` with
/// its seconds. With d = 64 columns ssyrk's own threads have next to nothing to share, so the caller's way
/// wins.
GramPlan best_gram_plan(const Rows& keys, Sharing sharing, int threads, nlohmann::json& trials);

/// K^T K, both triangles, float64 throughout (keys float32, contiguous): for checks and normalisers, not
/// timed.
std::vector<double> gram_by_dsyrk(const Rows& keys, int threads);

}  // namespace heavykeys::bench
