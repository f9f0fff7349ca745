// Attention scores from some of them: which to compute, and how to estimate the rest. After Bhojanapalli,
// Chakrabarti, Jain, Kumar, Lukasik, Veit, "Eigen Analysis of Self-Attention and its Reconstruction from
// Partial Computation" (arXiv 2106.08823).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "heavykeys/attention.hpp"
#include "heavykeys/eigen_analysis.hpp"
#include "heavykeys/rows.hpp"

namespace heavykeys {

namespace detail {
struct ReconstructorState;
struct ReconstructorAccess;
}  // namespace detail

#pragma GCC visibility push(default)

/// Which elements of a sample are computed.
enum class Choice : std::uint32_t {
  pivoted = 1,  ///< one after another, each the element of greatest variance given those before it
  random = 2,   ///< the elements of least hash(seed, element)
  strided = 3,  ///< evenly spaced: floor((2 i + 1) p / (2 s)). Not for whole matrices whose width is a
                ///< multiple of the step p / s: the same keys for every query, and nothing of the others
};

/// How the others are estimated from them.
enum class Estimator : std::uint32_t {
  lmmse = 1,  ///< mean + C_RS C_SS^-1 (x_S - mean_S): of all linear estimates the least expected error
  least_squares = 2,  ///< the combination of the top r components that fits x_S best
};

/// What is computed of a sample, and how the rest is estimated.
struct ReconstructorOptions {
  std::size_t computed = 0;                ///< s, in 1 .. p
  Choice choice = Choice::pivoted;         ///< of the elements that are computed
  Estimator estimator = Estimator::lmmse;  ///< of the others
  /// How many components to use. lmmse: 0 is all that are given. least_squares: at most s; 0 is the one of
  /// min(rank, s), its half, its quarter ... 1 with the least predicted error, rank being the number of
  /// variances above 1e-12 of the first.
  std::size_t components = 0;
  /// In 0 .. 1. lmmse: this times the mean variance of an element is added to the variance of what is
  /// computed. least_squares: this times s / p, the mean square of s elements of a component, is the weight
  /// of |coefficients|^2. Never less than rounding needs: s 2^-53 times the variance of the s elements
  /// together.
  double ridge = 1e-9;
  std::uint64_t seed = 0;  ///< of random
  /// Rows of scores a sample holds: 1, a row over n = p keys; or c, c queries x p / c keys, row-major.
  std::size_t sample_queries = 1;

  friend bool operator==(const ReconstructorOptions&, const ReconstructorOptions&) = default;
};

/// The first `count` elements of a choice, in the order they are chosen. The variances are those of the model
///
///   C = sum_i variances[i] e_i e_i^T + D,  D diagonal: what the components kept leave of element_variances.
///
/// pivoted is pivoted Cholesky on C: prefixes are the choices of smaller counts. Variances within 1e-10 of
/// the greatest are ties, which go to the lower index; once all are below 1e-11 of the first, which is
/// rounding, the remaining elements are evenly spaced among those not chosen. Cost: O(count p r), r
/// components; no p x p matrix is formed. Variances and element_variances all times the same power of two
/// make the same choice, and in fit_reconstructor the same map and predicted_error. Throws InvalidInput
/// unless 1 <= count <= p, and for element variances whose sum is neither 0 nor in 2^-900 .. 2^900.
std::vector<std::size_t> choose_elements(const PrincipalComponents& components, std::size_t count,
                                         Choice choice, std::uint64_t seed = 0);

/// What is needed to estimate samples of p elements from s of them: which s, the mean, and a linear map. A
/// value; copies share what they hold, which never changes.
class Reconstructor {
 public:
  std::size_t dim() const;                        ///< p
  std::span<const std::size_t> elements() const;  ///< [s], ascending: those computed
  std::span<const double> mean() const;           ///< [p]
  const ReconstructorOptions& options() const;    ///< as fitted; `components` is the number used
  /// E |x - x^|^2 / E |x - mean|^2 under the model of choose_elements, all components given: the share of the
  /// variance that is expected to be lost. 0 where there is no variance.
  double predicted_error() const;
  /// Heap memory, bytes.
  std::size_t memory_bytes() const;

  friend bool operator==(const Reconstructor& a, const Reconstructor& b);

 private:
  friend struct detail::ReconstructorAccess;
  Reconstructor() = default;
  std::shared_ptr<const detail::ReconstructorState> state_;
};

/// Chooses elements and fits the estimate of the others.
///
/// lmmse is the conditional mean where samples are Gaussian, and over the samples the components are of no
/// linear estimate has a smaller mean squared error (ridge 0, all components). Cost: that of the choice, and
/// O(p r min(r, s) + s min(r, s)^2), r components. Memory: 8 min(s (p - s), r p) bytes in the end; no p x p
/// matrix. Throws InvalidInput for options out of range, a p that is not a multiple of sample_queries, or
/// components whose parts do not fit together or are not finite.
Reconstructor fit_reconstructor(const PrincipalComponents& components, const ReconstructorOptions& options);

/// Samples [N, p] row-major from their computed elements `partial` [N, s], in the order of elements():
/// those are passed through as they are, the rest estimated in float64. Cost: O(N min(s (p - s), r p)). The
/// same bytes whatever the threads and the instruction set. Throws InvalidInput for another width, or
/// NaN/Inf, naming row and column; and for an estimate that passes float64, naming row and element.
std::vector<double> reconstruct(const Reconstructor& reconstructor, const Rows& partial);

/// What reconstruction loses, measured.
struct ReconstructionError {
  double mean_squared = 0.0;  ///< sum over samples and elements of (x - x^)^2, divided by N p
  double variance = 0.0;      ///< the same of (x - mean)^2
  double relative = 0.0;      ///< mean_squared / variance; 0 where variance is
};

/// The error over whole samples [N, p], each rebuilt from its own elements(). Throws as reconstruct, and
/// InvalidInput when there is no sample or the squares add up to more than float64 holds (elements from 1e154
/// on).
ReconstructionError reconstruction_error(const Reconstructor& reconstructor, const Rows& samples);

/// The canonical bytes (docs/format.md).
std::vector<std::byte> to_bytes(const Reconstructor& reconstructor);
/// Inverse of to_bytes. Throws Corrupt for anything to_bytes cannot have written.
Reconstructor reconstructor_from_bytes(std::span<const std::byte> bytes);

/// Those bytes as a file: written beside `path`, synced, renamed. Throws BackendError with the system's
/// reason.
void save(const Reconstructor& reconstructor, const std::filesystem::path& path);
/// Reads a file written by save. Throws BackendError when it cannot be read, Corrupt when it is not intact.
Reconstructor load_reconstructor(const std::filesystem::path& path);

/// Attention over every key, from partially computed scores: only the scores x = scale q.k that the
/// reconstructor names are computed, in float64; the others are estimated, and out = sum_j f(x_j) v_j /
/// sum_j f(x_j) over all keys a query may see.
///
/// Shapes as attend without sets. reconstructors: one for all query heads, or Hq. Of rows (sample_queries 1):
/// dim = n, any m, the same keys for every query. Of whole matrices: sample_queries = m, dim = m n.
/// x is what the reconstructor was fitted to: scale q.k, of softmax times the score's own scale. causal masks
/// after the estimate, so computed scores of keys a query may not see shape the estimates of those it may:
/// not for models that must not look ahead.
///
/// Accuracy: float64 throughout, out rounded to its dtype once; with every score computed, the result of
/// attend over every_key in float64 within 1e-12. Else the error is that of the estimates. Cost: for each
/// query O(s d + min(s (n - s), r n) + n dv); less than attend only while the estimate costs less than the (n
/// - s) d products it saves (docs/reconstruction.md). The same bytes whatever the threads and the instruction
/// set.
///
/// Throws Incompatible when a reconstructor is of other shapes; InvalidInput as attend (NaN/Inf in any key or
/// value, those whose scores are not computed too), for an estimate that passes float64 of a key its query
/// may see, naming both, for sinks, window or Normalise::all_keys (every key is attended to already), and for
/// another number of reconstructors.
void attend(const TensorView& queries, const TensorView& keys, const TensorView& values,
            std::span<const Reconstructor> reconstructors, const AttendOptions& options,
            const MutableTensorView& out);

#pragma GCC visibility pop

}  // namespace heavykeys
