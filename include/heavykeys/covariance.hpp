// The covariance of a stream of samples, in one pass: exact sums, so that any split and any order of the
// samples gives the same bytes. What eigen analysis of attention scores starts from (eigen_analysis.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "heavykeys/rows.hpp"

namespace heavykeys {

namespace detail {
struct CovarianceState;
struct CovarianceAccess;
}  // namespace detail

#pragma GCC visibility push(default)

/// What a Covariance is of. Two can be merged when these are equal.
struct CovarianceSpec {
  std::size_t dim = 0;  ///< p, elements of a sample: n for rows of score matrices, n^2 for whole ones
  /// 0: the whole covariance is kept, p x p. Else r: its products with r random sign vectors, p x r (the
  /// Nystrom method of Tropp, Yurtsever, Udell, Cevher, NeurIPS 2017), r below dim. From these come all
  /// eigenvectors, up to rounding, while the samples span some tens fewer dimensions than r, and the leading
  /// ones otherwise; they claim no more variance than there is (docs/theory.md, T11).
  std::size_t sketch_columns = 0;
  std::uint64_t seed = 0;  ///< of those vectors

  friend bool operator==(const CovarianceSpec&, const CovarianceSpec&) = default;
};

/// Count, sums and sums of products of all samples absorbed. A value; mergeable; the state is a function of
/// the multiset of samples alone.
///
/// Samples are put on a grid first: each on its own, with at least 40 bits below its greatest element, so
/// |x~ - x| <= 2^-41 max|x| for every element. All sums of gridded samples are exact integers (up to 2^30
/// samples), whatever the engine. Size: 8 p^2 bytes, of a sketch 16 p r, once for each exponent (a multiple
/// of 8, so at most 197) that samples have, of a sketch for each pair of theirs and their image's: one to
/// four where samples are of like size, far more where they span many orders of magnitude; nothing in their
/// number.
class Covariance {
 public:
  /// Nothing absorbed. Throws InvalidInput unless 1 <= dim <= 2^24, sketch_columns <= dim, and
  /// dim <= 16,384 where the whole covariance is kept.
  explicit Covariance(const CovarianceSpec& spec);
  Covariance(const Covariance&);
  Covariance(Covariance&&) noexcept;
  Covariance& operator=(const Covariance&);
  Covariance& operator=(Covariance&&) noexcept;
  ~Covariance();

  const CovarianceSpec& spec() const;  ///< as given
  std::uint64_t sample_count() const;  ///< absorbed so far
  std::size_t memory_bytes() const;    ///< of heap memory

 private:
  friend struct detail::CovarianceAccess;
  std::unique_ptr<detail::CovarianceState> state_;
};

/// Adds everything `from` has seen. Throws Incompatible when the specs differ; `into` is then unchanged.
void merge(Covariance& into, const Covariance& from);

/// The canonical bytes: equal for equal states, whatever engine made them (docs/format.md).
std::vector<std::byte> to_bytes(const Covariance& covariance);

/// Inverse of to_bytes. Throws Corrupt for anything to_bytes cannot have written.
Covariance covariance_from_bytes(std::span<const std::byte> bytes);

/// The mean of the samples [p]. Rounded once. Throws InvalidInput when there is none.
std::vector<double> mean(const Covariance& covariance);

/// The variance of each element [p], sum (x - mean)^2 / N.
std::vector<double> element_variances(const Covariance& covariance);

/// sum (x - mean)(x - mean)^T / N, [p, p] row-major, symmetric. Each element is that of the
/// gridded samples, formed from the exact sums in 106 bits and rounded once. The grid itself moves element
/// (i, j) by at most 2^-41 M (sd_i + sd_j) + 2^-82 M^2, M = max|x| over all samples: samples far from 0, or
/// with a few huge elements (a mask of -1e9 added to scores), lose digits. Throws InvalidInput without
/// samples, or when only a sketch was kept.
std::vector<double> covariance_matrix(const Covariance& covariance);

#pragma GCC visibility pop

}  // namespace heavykeys
