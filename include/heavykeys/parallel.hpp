// The same verbs on all cores of one machine. The threads decide the speed, never a byte.
#pragma once

#include <span>

#include "heavykeys/attention.hpp"
#include "heavykeys/covariance.hpp"
#include "heavykeys/heavy_entries.hpp"
#include "heavykeys/key_sets.hpp"
#include "heavykeys/reconstruction.hpp"
#include "heavykeys/rows.hpp"
#include "heavykeys/scan.hpp"
#include "heavykeys/sketch.hpp"
#include "heavykeys/sparse_pattern.hpp"
#include "heavykeys/universal_set.hpp"
#include "heavykeys/verification.hpp"

namespace heavykeys::parallel {
#pragma GCC visibility push(default)

/// Whose threads do the work: oneTBB's, or the OpenMP pool a host such as PyTorch already runs.
enum class Runtime { tbb, openmp };

/// Who computes, and with how many threads. No result depends on it, but as absorb says. Threads that the
/// system refuses (ulimit -u, -v): oneTBB's are a BackendError where it reports them; with many threads it
/// may end the process itself, as GCC's OpenMP always does. Use few threads, or streaming.hpp, under such
/// limits.
struct Options {
  Runtime runtime = Runtime::tbb;  ///< whose threads
  int threads = 0;                 ///< at most 4096; 0: all this process may use
};

/// As streaming::absorb, complete blocks shared out over the threads. Same bytes, same errors; powers beyond
/// the lift (T7) excepted, as in sketch.hpp: their weights depend on which block is taken first. Workspace:
/// O(threads (d^2 + block_rows d)).
void absorb(Sketch& sketch, const Rows& rows, const Options& options = {});

/// One sketch for each head: rows[h] goes into sketches[h], heads in parallel. All or nothing:
/// when any head's rows are bad, no sketch has changed, and the error names the head.
/// Throws InvalidInput when the spans differ in length.
void absorb(std::span<Sketch> sketches, std::span<const Rows> rows, const Options& options = {});

/// As heavykeys::heavy_entries, queries shared out over the threads.
HeavyEntries heavy_entries(const UniversalSet& set, const Rows& queries, const Options& options = {},
                           const HeavyOptions& what = {});

/// As CausalHeavy::absorb, the queries of each block shared out over the threads.
void absorb(CausalHeavy& pass, const Rows& keys, const Options& options = {});

/// As Scan::absorb, the queries shared out over the threads, 16 at a time.
void absorb(Scan& scan, const Rows& keys, const Options& options = {});

/// As heavykeys::scan, likewise.
HeavyEntries scan(const Score& score, double epsilon, const Rows& queries, const Rows& keys,
                  const ScanOptions& what = {}, const Options& options = {});

/// As Verification::absorb, the undecided queries shared out over the threads, 16 at a time.
void absorb(Verification& pass, const Rows& keys, const Options& options = {});

/// As streaming::absorb, samples and columns of the covariance shared out over the threads.
void absorb(Covariance& covariance, const Rows& samples, const Options& options = {});

/// As heavykeys::universal_keys, prefix_keys and top_keys, the heads shared out over the threads.
KeySets universal_keys(const Spec& spec, const TensorView& keys, const Options& options = {});
/// See universal_keys.
KeySets prefix_keys(const Spec& spec, const TensorView& keys, const Options& options = {});
/// See universal_keys.
KeySets top_keys(const TensorView& keys, std::size_t budget, const Options& options = {});

/// As heavykeys::attend and attend_backward, queries and keys shared out over the threads.
AttendSums attend(const TensorView& queries, const TensorView& keys, const TensorView& values,
                  const KeySets& sets, const AttendOptions& what, const MutableTensorView& out,
                  const Options& options = {});
/// See attend.
void attend_backward(const TensorView& queries, const TensorView& keys, const TensorView& values,
                     const KeySets& sets, const AttendOptions& what, const TensorView& out,
                     const AttendSums& sums, const TensorView& grad_out, const AttendGradients& gradients,
                     const Options& options = {});

/// As heavykeys::attend from partially computed scores, and heavykeys::reconstruct.
void attend(const TensorView& queries, const TensorView& keys, const TensorView& values,
            std::span<const Reconstructor> reconstructors, const AttendOptions& what,
            const MutableTensorView& out, const Options& options = {});
/// See attend.
std::vector<double> reconstruct(const Reconstructor& reconstructor, const Rows& partial,
                                const Options& options = {});

/// As heavykeys::verify and smallest_dim, the queries shared out over the threads, 32 at a time.
PatternPrecision verify(const SparsePattern& pattern, const Rows& queries, const Rows& keys,
                        const Options& options = {});
/// See verify.
SmallestDim smallest_dim(const SparsePattern& pattern, const PlantOptions& what, std::size_t trials,
                         const Options& options = {});

#pragma GCC visibility pop

}  // namespace heavykeys::parallel
